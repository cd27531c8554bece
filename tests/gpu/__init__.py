"""`python -m tests.gpu`: everything that only a GPU can tell, in order of value.

`jobs`   what is run, each a command of its own
`parts`  files too large to carry, in parts, and back
"""
