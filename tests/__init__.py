"""Makes this folder the package `tests`, whatever else is installed under that name: chapter 11b
takes its writers of practice files from here.
"""
