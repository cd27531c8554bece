"""Small made-up data sets in official formats, to try the converters where the real files are not
at hand. Read `scenes` first: people of the studio, filmed by whole cameras, with all that is true
of them. `official` writes them as Human3.6M and MPI-INF-3DHP, `filmed` as ASPset-510 and as plain
videos; `walker` makes up motion capture in CMU's files, `demo` the films of Pose2Sim. The writers
follow the formats' own descriptions and know nothing of the converters, so that a convention
misread in one shows in the other.
"""
