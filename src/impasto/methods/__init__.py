"""The terms of each method that optimises: one file a method."""
