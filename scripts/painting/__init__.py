"""Procedural painters of the sample style pictures: one module a style, all on one brush engine (NumPy and Pillow)."""
