"""What a player shows at a moment is what a store holds of it: films whose every picture says its
number, with the clocks, turns and boxes of real cameras.
"""

import io
import struct
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

av = pytest.importorskip("av")

from data_scripts.common.video_reader import timing
from data_scripts.videos import convert
from mcss.data import StoreWriter, open_store

SIDE = 96
BASE = Fraction(1, 90000)


def picture(number):
    """A picture of 3 x 4 blocks, the bits of its number; never its own mirror image."""
    bits = [(number >> k & 1) * 200 + 25 for k in range(12)]
    return np.kron(
        np.array(bits, np.uint8).reshape(3, 4), np.ones((SIDE // 3, SIDE // 4), np.uint8)
    )


def number_of(image):
    """What `picture` a decoded image `(3, n, n)` shows."""
    grey = np.asarray(image, float).mean(0)
    blocks = grey.reshape(3, grey.shape[0] // 3, 4, grey.shape[1] // 4)[:, 4:-4, :, 4:-4]
    return int(sum(1 << k for k, value in enumerate(blocks.mean((1, 3)).ravel()) if value > 125))


def film(path, times, numbers=None, rate=25, sound=None, gop=10, cover=False, repeat=()):
    """Writes a film. times: of each frame, in units of BASE. sound: seconds of silence from 0.
    repeat: packets that get the time of the one before.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as out:
        if cover:
            art = out.add_stream("mjpeg", rate=1)
            art.width, art.height, art.pix_fmt = 320, 240, "yuvj420p"
            art.disposition = av.stream.Disposition.attached_pic
        stream = out.add_stream("libx264", rate=rate, options={"preset": "ultrafast", "crf": "15"})
        stream.width = stream.height = SIDE
        stream.pix_fmt, stream.time_base = "yuv420p", BASE
        stream.codec_context.time_base, stream.codec_context.gop_size = BASE, gop
        packets = []
        if sound:
            audio = out.add_stream("aac", rate=48000)
            audio.layout = "mono"
            for k in range(int(sound * 48000 / 1024)):
                silent = np.zeros((1, 1024), np.float32)
                silence = av.AudioFrame.from_ndarray(silent, "fltp", "mono")
                silence.sample_rate, silence.pts = 48000, 1024 * k
                packets += audio.encode(silence)
            packets += audio.encode(None)
        for k, time in enumerate(times):
            number = k if numbers is None else numbers[k]
            frame = av.VideoFrame.from_ndarray(np.stack([picture(number)] * 3, -1), "rgb24")
            frame = frame.reformat(format="yuv420p")
            frame.pts, frame.time_base = int(time), BASE
            packets += stream.encode(frame)
        packets += stream.encode(None)
        shown = [p for p in packets if p.stream is stream]
        for k in repeat:
            shown[k].pts = shown[k].dts = shown[k - 1].pts
        if cover:
            still = av.VideoFrame.from_ndarray(np.zeros((240, 320, 3), np.uint8), "rgb24")
            packets = [*art.encode(still.reformat(format="yuvj420p")), *packets]
        for packet in sorted(packets, key=lambda p: float((p.dts or 0) * p.time_base)):
            out.mux(packet)


def moments(source, folder, **options):
    """The report, and the numbers `(instants, views)` in the store; -1 where a view has nothing."""
    options = {"image_size": SIDE, "fps": 5, "progress": False} | options
    report = convert(source, folder, **options)
    store = open_store(folder)
    (subject,) = store.subjects
    present = store.present(subject)
    return report, np.array([
        [
            number_of(store.images(subject, [f], [v])[0]) if present[f, v] else -1
            for v in range(len(store.view_names))
        ]
        for f in range(store.length(subject))
    ])  # fmt: skip


STEADY = [k * 3600 for k in range(75)]  # 25 a second, three seconds


@pytest.mark.parametrize("hidden", [7, 20])
def test_what_an_edit_list_hides_is_not_counted(tmp_path, hidden):
    """A lossless cut: packets that a player does not show lie before the begin."""
    film(tmp_path / "P/clip/whole.mp4", STEADY)
    numbers = [*[4000] * hidden, *range(75)]
    film(tmp_path / "raw.mp4", [k * 3600 for k in range(75 + hidden)], numbers, gop=40)
    keep = {"avoid_negative_ts": "disabled"}
    with (
        av.open(str(tmp_path / "raw.mp4")) as raw,
        av.open(str(tmp_path / "P/clip/cut.mp4"), "w", options=keep) as out,
    ):
        stream = out.add_stream_from_template(raw.streams.video[0])
        for packet in raw.demux(raw.streams.video[0]):
            if packet.dts is not None:
                moved = int(hidden / 25 / packet.time_base)
                packet.pts, packet.dts = packet.pts - moved, packet.dts - moved
                packet.stream = stream
                out.mux(packet)
    (tmp_path / "raw.mp4").unlink()
    report, seen = moments(tmp_path, tmp_path.parent / f"s{hidden}")
    assert len(seen) == 15 and (seen == np.arange(0, 75, 5)[:, None]).all()
    assert "damaged" not in str(report)


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
@pytest.mark.parametrize("offsets", [None, 1.2])
def test_sound_that_begins_before_the_pictures(tmp_path, ending, offsets):
    """The zero is the player's: number n is seen at second n / 25 in both films."""
    source = tmp_path / "in"
    film(source / f"P/clip/early.{ending}", STEADY, sound=3)
    late = [time for time in STEADY if time >= 0.8 * 90000]
    numbers = [time // 3600 for time in late]
    film(source / f"P/clip/late.{ending}", late, numbers, sound=3)
    given = {"offsets": {"early": offsets, "late": offsets}} if offsets else {}
    _, seen = moments(source, tmp_path / "store", **given)
    both = seen[(seen >= 0).all(1)]
    assert len(both) >= 9 and (both[:, 0] == both[:, 1]).all()
    assert both[0, 0] == (30 if offsets else 20)


def test_clocks_that_drift_apart_and_other_rates(tmp_path):
    """A thousandth faster, and 30 beside 25 a second: each view by its own clock."""
    long = [k * 3600 for k in range(1500)]  # a minute
    source = tmp_path / "in"
    film(source / "P/clip/a.mkv", long, [k // 25 for k in range(1500)])
    fast = [round(k * 3600 / 1.001) for k in range(1500)]
    film(source / "P/clip/b.mkv", fast, [int(t / 90000 + 1e-6) for t in fast])
    other = [k * 3000 for k in range(1800)]
    film(source / "P/clip/c.mkv", other, [k // 30 for k in range(1800)], rate=30)
    report, seen = moments(source, tmp_path / "store", fps=2)
    seen = seen[(seen >= 0).all(1)]
    middle = seen[1::2]  # half a second after each change
    assert len(middle) > 55 and (middle == middle[:, :1]).all()
    assert "different rates (a 25, b 25" in str(report) and "c 30 frames a second)" in str(report)


def test_a_repeated_time_hides_no_varying_rate(tmp_path):
    source = tmp_path / "in"
    film(source / "P/clip/even.mkv", STEADY)
    uneven = np.cumsum([0, *[3600] * 30, *[5100] * 44]).tolist()
    film(source / "P/clip/phone.mkv", uneven, repeat=(11,))
    report, seen = moments(source, tmp_path / "store")
    assert (seen[:, 1] == -1).all() and "phone.mkv varies" in str(report)
    # and hurts no even one
    film(source / "P/clip/phone.mkv", STEADY, repeat=(11,))
    _, seen = moments(source, tmp_path / "store2")
    assert (seen[:, 0] == seen[:, 1]).all()


def test_a_rate_that_only_a_header_claims(tmp_path):
    path = tmp_path / "in/P/clip/a.avi"
    film(path, [k * 150 for k in range(60)], rate=600)
    with pytest.raises(ValueError, match="says 600 frames a second and holds no times"):
        timing(path)


def test_a_cover_picture_is_no_film(tmp_path):
    source = tmp_path / "in"
    film(source / "P/clip/plain.mp4", STEADY)
    film(source / "P/clip/cover.mp4", STEADY, cover=True)
    _, seen = moments(source, tmp_path / "store")
    assert len(seen) == 15 and (seen[:, 0] == seen[:, 1]).all()


@pytest.mark.parametrize(
    "names", [("GX010031", "GX020031"), ("GOPR0007", "GP010007"), ("GH010400", "GH020400")]
)
def test_chapters_of_one_recording_are_no_two_views(tmp_path, names):
    for name in names:
        film(tmp_path / f"in/P/clip/{name}.mp4", STEADY[:20])
    with pytest.raises(ValueError, match="are chapters of one camera's recording.*concat"):
        moments(tmp_path / "in", tmp_path / "store")


U = 1 << 16
MATRICES = {  # a, b, c, d of the display matrix, and what is shown
    "mirrored": ((-U, 0, 0, U), lambda p: p[:, ::-1]),
    "upside down": ((-U, 0, 0, -U), lambda p: p[::-1, ::-1]),
    "flipped": ((U, 0, 0, -U), lambda p: p[::-1]),
    "clockwise": ((0, U, -U, 0), lambda p: np.rot90(p, -1)),
    "counter-clockwise": ((0, -U, U, 0), lambda p: np.rot90(p)),
    "turned and mirrored": ((0, U, U, 0), lambda p: p.T),
    "turned and mirrored the other way": ((0, -U, -U, 0), lambda p: np.rot90(p, 2).T),
}


@pytest.mark.parametrize("name", MATRICES)
def test_as_a_player_shows_it(tmp_path, name):
    (a, b, c, d), shown = MATRICES[name]
    path = tmp_path / "in/P/clip/a.mp4"
    film(path, STEADY[:20], [1234] * 20)
    content = bytearray(path.read_bytes())
    at = content.index(b"tkhd") + 44
    content[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(bytes(content))
    moments_of = convert(
        tmp_path / "in", tmp_path / "store", image_size=SIDE, fps=5, progress=False
    )
    image = open_store(moments_of.path).images("P", [1], [0])[0].float().mean(0).numpy()
    assert np.abs(image - shown(picture(1234))).mean() < 12
    assert np.abs(image - picture(1234)).mean() > 25


def test_a_jpeg_that_is_to_be_turned_is_stored_turned(tmp_path):
    file, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6  # a camera held upright: clockwise
    Image.fromarray(picture(77)).convert("RGB").save(file, "JPEG", quality=95, exif=exif)
    header = dict(name="t", licence="none", source="made up", recipe={}, fps=1, image_size=SIDE)
    with StoreWriter(tmp_path / "s", views=["a"], **header) as writer:
        frames = [{"pose": None, "images": [file.getvalue()], "crops": None}]
        writer.add("P", "clip", "clip", frames)
        writer.finish({"train": {"subjects": ["P"], "views": None, "frames": None}})
    image = open_store(tmp_path / "s").images("P", [0], [0])[0].float().mean(0).numpy()
    assert np.abs(image - np.rot90(picture(77), -1)).mean() < 6


BOX = np.array([20, 10, 50, 70])  # x, y, width, height
LINES = {
    "x,y,width,height": BOX,
    "X,Y,W,H": BOX,
    "x1,y1,x2,y2": [20, 10, 70, 80],
    "xmin,ymin,xmax,ymax": [20, 10, 70, 80],
    "left,top,right,bottom": [20, 10, 70, 80],
    "cx,cy,width,height": [45, 45, 50, 70],
}


def boxed(folder, heading, box, frames=75):
    """A film with a file of boxes; heading: of the four numbers, None for none."""
    film(folder / "P/clip/a.mp4", STEADY)
    box = box if callable(box) else lambda k, box=box: box
    lines = [f"frame,{heading}"] * (heading is not None)
    lines += [",".join(map(str, [k, *box(k)])) for k in range(frames)]
    (folder / "P/clip/a.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.mark.parametrize("heading", LINES)
def test_a_heading_says_what_the_numbers_are(tmp_path, heading):
    source = boxed(tmp_path / "in", heading, LINES[heading])
    report = convert(source, tmp_path / "store", image_size=32, fps=5, progress=False)
    crops = np.asarray(open_store(report.path).crops("P"))[[0, 7], 0]
    assert np.allclose(crops, [[45 - 38.5, 45 - 38.5, 77]] * 2, atol=1), crops


@pytest.mark.parametrize(
    "heading, box, message",
    [
        ("x,y,width,height", (0.2, 0.1, 0.5, 0.7), "are shares of the picture"),
        (None, (30, 20, 80, 90), "two corners: say what they are"),
        ("a,b,c,d", BOX, "heading 'frame,a,b,c,d', which says nothing known"),
    ],
)
def test_boxes_that_can_only_be_meant_otherwise(tmp_path, heading, box, message):
    source = boxed(tmp_path / "in", heading, box)
    with pytest.raises(ValueError, match=message):
        convert(source, tmp_path / "store", image_size=32, fps=5, progress=False)


@pytest.mark.parametrize(
    "box, frames, message",
    [
        (BOX, 40, "are of frames 0 to 39: 0 stored frames before and 7 after"),
        (lambda k: (5 + 50 * (k % 20 > 9), 10, 30, 40), 75, "leaps away from the one before"),
        (lambda k: BOX - [45, 0, 0, 0], 75, "lie by more than a quarter outside"),
        (lambda k: BOX // (1 + 5 * (k > 70)), 75, "differ in size up to"),
    ],
)
def test_boxes_that_look_odd_are_mentioned(tmp_path, box, frames, message):
    source = boxed(tmp_path / "in", "x,y,width,height", box, frames)
    report = convert(source, tmp_path / "store", image_size=32, fps=5, progress=False)
    assert message in str(report)
    usual = boxed(tmp_path / "usual", "x,y,width,height", BOX)
    report = convert(usual, tmp_path / "store2", image_size=32, fps=5, progress=False)
    assert not [note for note in report.notes if "boxes" in note]


def test_two_trials_of_one_person(tmp_path):
    for trial in ("Trial_1", "Trial_2"):
        for view in "ab":
            film(tmp_path / f"in/{trial}/videos/{view}.mp4", STEADY[:20])
    report = convert(tmp_path / "in", tmp_path / "two", image_size=32, fps=5, progress=False)
    assert "taken for 2 people (Trial_1, Trial_2)" in str(report)
    report = convert(
        tmp_path / "in", tmp_path / "one", image_size=32, fps=5, person="Max", progress=False
    )
    store = open_store(report.path)
    assert store.subjects == ["Max"] and "taken for" not in str(report)
    assert [c.source for c in store.clips("Max")] == ["Trial_1 videos", "Trial_2 videos"]
