"""Everything that makes or converts data; each script ends in a store that `mcss.data.open_store`
reads. Start with `videos`, the converter of your own videos, and `common.conversion`, which all
converters share; `human36m`, `mpi_inf_3dhp` and `aspset510` read the official files of data sets
that you download, `pose2sim` the free films of a man who balances. `studio` renders people who do
not exist, and `cmu_motion` has them move as real people did. `imitations` writes small made-up data
sets in the official formats.
"""
