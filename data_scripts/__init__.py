"""Everything that makes or converts data; each script ends in a store that `mcss.data.open_store`
reads.
"""
