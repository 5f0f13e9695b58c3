"""Masks found in a picture, and what is wrong with masks that somebody drew."""
