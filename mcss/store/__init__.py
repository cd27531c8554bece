"""How a data set lies on disk: see README.md beside this file."""
