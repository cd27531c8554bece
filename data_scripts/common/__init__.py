"""What converters share. Read `conversion` first: a converter hands it recordings, as `Job`, `View`
and `Recording`, and it makes a store of them. Then what it uses, in the order of its work:
`video_reader` gives the frames of a video by number, `crops` cuts the square picture round a
person, `report` says at the end what was made. `archives` and `downloads` bring official files to
where the converters read them; `amc` reads motion capture.
"""
