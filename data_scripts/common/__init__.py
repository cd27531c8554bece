"""What converters share. Read `conversion` first: a converter hands it recordings, as `Job`, `View`
and `Recording`, and it makes a store of them. Then what it uses, in the order of its work:
`video_reader` gives the pictures of a video and when each is shown, `crops` cuts the square picture
round a person, `report` says at the end what was made. `archives` and `downloads` bring official
files to where the converters read them; `amc` reads motion capture. For videos of your own,
`finding` finds the films, `alignment` which picture of each view shows which moment, `sync` when
they began if nobody knows, `chapters` the recordings that a camera split; `boxes` reads and judges
boxes, `detecting` finds them; `tables` reads what people write beside films. `contact_sheet` shows
what came out.
"""
