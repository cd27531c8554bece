"""Films whose every picture says its number, so that what a store holds can be read back."""

from fractions import Fraction

import av
import numpy as np

from data_scripts.videos import convert
from mcss.data import open_store

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


def film(
    path,
    times,
    numbers=None,
    rate=25,
    sound=None,
    gop=10,
    cover=False,
    repeat=(),
    second=False,
    pixel=None,
):
    """Writes a film. times: of each frame, in units of BASE. sound: seconds of silence from 0, or
    samples `(n,)`, 48000 a second.
    repeat: packets that get the time of the one before. second: add a film of something else.
    pixel: how many times as wide as high pixels are shown.
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
        if pixel:
            stream.codec_context.sample_aspect_ratio = Fraction(pixel)
        stream.codec_context.time_base, stream.codec_context.gop_size = BASE, gop
        packets = []
        if sound is not None:
            audio = out.add_stream("aac", rate=48000)
            audio.layout = "mono"
            samples = np.zeros(int(sound * 48000)) if np.isscalar(sound) else sound
            for k in range(len(samples) // 1024):
                part = np.float32(samples[None, 1024 * k : 1024 * (k + 1)])
                part = av.AudioFrame.from_ndarray(part, "fltp", "mono")
                part.sample_rate, part.pts = 48000, 1024 * k
                packets += audio.encode(part)
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
        if second:
            other = out.add_stream("libx264", rate=rate)
            other.width = other.height = SIDE // 2
            other.pix_fmt = "yuv420p"
            for k in range(10):
                black = np.zeros((SIDE // 2, SIDE // 2, 3), np.uint8)
                frame = av.VideoFrame.from_ndarray(black, "rgb24").reformat(format="yuv420p")
                frame.pts = k
                packets += other.encode(frame)
            packets += other.encode(None)
        if cover:
            still = av.VideoFrame.from_ndarray(np.zeros((240, 320, 3), np.uint8), "rgb24")
            packets = [*art.encode(still.reformat(format="yuvj420p")), *packets]
        for packet in sorted(packets, key=lambda p: float((p.dts or 0) * p.time_base)):
            out.mux(packet)


def trim(path, out, hidden):
    """Writes an MP4 file of 25 frames a second again so that an edit list hides the first `hidden`,
    as a lossless cut does.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    keep = {"avoid_negative_ts": "disabled"}
    with av.open(str(path)) as raw, av.open(str(out), "w", options=keep) as cut:
        stream = cut.add_stream_from_template(raw.streams.video[0])
        for packet in raw.demux(raw.streams.video[0]):
            if packet.dts is not None:
                moved = int(hidden / 25 / packet.time_base)
                packet.pts, packet.dts = packet.pts - moved, packet.dts - moved
                packet.stream = stream
                cut.mux(packet)


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
