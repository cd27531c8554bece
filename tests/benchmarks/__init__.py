"""How long our work takes against a named peer on the same work, in the same run: `make bench`, or
`python -m tests.benchmarks`.

Nothing here is a test: a time is measured and shown, never asserted. Each module but `timing` has a
function `rows(device, rounds)` that yields `timing.Row`s.
"""
