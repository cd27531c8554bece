"""A converter's work on video files, against a plain loop that decodes the same videos and writes
the same crops.

Peer: PyAV in one loop, one video after the other, with the codec's own threads. Work: four videos
of 1000 x 1002 pixels, every 5th frame cut and stored at 256 pixels, as from Human3.6M; every 1st of
a video of 500 x 500; every 5th at 3840 x 2160.
"""

import io
import tempfile
from pathlib import Path

import av
import numpy as np
from PIL import Image

from data_scripts.common.conversion import Job, Recording, View, convert_jobs
from data_scripts.common.crops import QUALITY, square

from .timing import interleaved, row

CASES = {  # name: views, width, height, frames, step
    "Human3.6M's size": (4, 1000, 1002, 500, 5),
    "every frame, small": (4, 500, 500, 500, 1),
    "ASPset's size": (3, 3840, 2160, 100, 5),
}


def write_video(path, width, height, frames):
    """Blocks that move over a picture with grain, so that the codec has as much to do as with a
    real room.
    """
    rng = np.random.default_rng(0)
    room = np.kron(
        rng.integers(60, 200, (height // 50 + 1, width // 50 + 1, 3), np.uint8),
        np.ones((50, 50, 1), np.uint8),
    )[:height, :width]
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=50, options={"crf": "20", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for t in range(frames):
            picture = room + rng.integers(0, 12, (height, width, 1), np.uint8)
            x = int((0.5 + 0.3 * np.sin(t / 30)) * width)
            picture[height // 4 : -height // 8, x - width // 20 : x + width // 20] = (t * 3) % 255
            file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        file.mux(stream.encode())


def plain_loop(videos, boxes, step, image_size):
    """The peer."""
    files = []
    for video in videos:
        with av.open(str(video)) as file:
            file.streams.video[0].thread_type = "AUTO"
            for number, frame in enumerate(file.decode(video=0)):
                if number % step == 0:
                    x0, y0, size = square(boxes[number], 1.1, frame.width, frame.height)
                    picture = (
                        frame.to_image()
                        .crop((x0, y0, x0 + size, y0 + size))
                        .resize((image_size, image_size), Image.Resampling.BILINEAR)
                    )
                    jpeg = io.BytesIO()
                    picture.save(jpeg, "JPEG", quality=QUALITY)
                    files.append(jpeg.getvalue())
    return files


def ours(videos, boxes, step, image_size, store):
    frames = np.arange(0, len(boxes), step)
    recording = Recording(
        None, {video.stem: View(video, lambda k: boxes[frames[k]], frames, 1.1) for video in videos}
    )
    return convert_jobs(
        [Job("S", "clip", "moves", lambda said: recording)],
        store,
        nothing="",
        splits=lambda parts: {},
        image_size=image_size,
        views=[video.stem for video in videos],
        progress=False,
        name="benchmark",
        licence="",
        source="",
        recipe={},
        fps=50 / step,
    )


def rows(device, rounds):
    for name, (views, width, height, count, step) in CASES.items():
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            videos = [folder / f"view{v}.mp4" for v in range(views)]
            for video in videos:
                write_video(video, width, height, count)
            x = (0.5 + 0.3 * np.sin(np.arange(count) / 30)) * width
            boxes = np.stack(
                [
                    x - width / 8,
                    np.full(count, height * 0.2),
                    x + width / 8,
                    np.full(count, height * 0.9),
                ],
                -1,
            )
            files, reports = [], []

            def convert():
                reports.append(ours(videos, boxes, step, 256, folder / f"store{len(reports)}"))

            def plain():
                files[:] = plain_loop(videos, boxes, step, 256)

            seconds = interleaved({"ours": convert, "plain loop": plain}, min(rounds, 3))
            if any(report.images != len(files) for report in reports):
                raise AssertionError(
                    f"{name}: the store holds another number of pictures than the plain loop wrote"
                )
            fastest = min(seconds["ours"])
            yield row(
                f"conversion, {name}",
                views * count,
                "frames",
                seconds,
                "plain loop",
                faster=False,
                target=1.3,
                note=(
                    f"{len(files)} pictures stored, {len(files) / fastest:.0f} a second;"
                    f" {views * count / fastest:.0f} frames decoded a second"
                ),
            )
