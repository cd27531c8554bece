"""Reading one video file: its clock, and its frames by number.

Nothing here knows what is filmed or which videos belong together; that is the converters' business
(`data_scripts.videos` among them).
"""

import functools
from typing import NamedTuple

import av
import numpy as np


class Timing(NamedTuple):
    """The clock of a video. rate: frames a second. begin: the second at which the first frame is
    shown, None if the file has no times. frames: how many there are, lost ones included. steady:
    whether they come at one rate, apart from lost ones.
    """

    rate: float
    begin: float | None
    frames: int
    steady: bool


def timing(path):
    """The `Timing` of a video file, from its packets, without decoding any. Raises `ValueError` for
    a file that is no readable video or does not say its frame rate.
    """
    status = path.stat() if path.is_file() else None
    return _timing(path, status and status.st_size, status and status.st_mtime_ns)


@functools.lru_cache(maxsize=256)
def _timing(path, size, changed):
    with _open(path) as container:
        stream, times = container.streams.video[0], []
        try:
            times = [packet.pts for packet in container.demux(stream) if packet.size]
        except (av.FFmpegError, OSError):  # cut off
            pass
        ordered_only = container.format.name == "avi"  # an AVI file holds no times
        if ordered_only or None in times or not len(set(times)) == len(times) > 2:
            if not stream.average_rate:
                raise ValueError(
                    f"{path} does not say its frame rate: write it again, as with ffmpeg -i IN -r"
                    " 50 OUT"
                )
            return Timing(float(stream.average_rate), None, max(len(times), stream.frames), True)
        times = np.sort(times) * float(stream.time_base)
    steps = np.diff(times) / np.median(np.diff(times))
    whole = np.maximum(np.round(steps), 1)  # 2 where one frame is lost
    return Timing(
        float(whole.sum() / (times[-1] - times[0])),
        float(times[0]),
        int(whole.sum()) + 1,
        (abs(steps - whole) > 0.3).mean() < 0.05,
    )


def decoded(path, threads=0):
    """Yields (number, `av.VideoFrame`) of every frame of a video that can be decoded, in the order
    in which they are shown.

    A frame's number is the time at which it is shown, counted in frames from the video's begin, so
    a lost frame shifts no other. Damaged frames are left out, and so are those after them up to the
    next key frame, because they are made from them. threads: of the decoder; 0 for all cores.
    Decoding ends without an error where the file is cut off: the last number shows it. Raises
    `ValueError` if not even one frame can be read.
    """
    number, sound, problem, any_frame = -1, True, "no frame in it", False
    rate, begin, *_ = timing(path)
    with _open(path) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = threads
        packets = container.demux(stream)
        while True:
            try:
                packet = next(packets)
                frames = packet.decode()
            except StopIteration:
                break
            except av.InvalidDataError as error:
                problem, sound, number = error, False, number + (begin is None)
                continue
            except (av.FFmpegError, OSError) as error:
                problem = error
                break
            for frame in frames:
                timed = begin is not None and frame.time is not None
                number = round((frame.time - begin) * rate) if timed else number + 1
                sound = not frame.is_corrupt and (sound or frame.key_frame)
                if sound:
                    any_frame = True
                    yield number, frame
    if not any_frame:
        raise _damaged(path, problem)


def _open(path):
    try:
        container = av.open(str(path))
    except (av.FFmpegError, OSError) as error:
        raise _damaged(path, error) from None
    if not container.streams.video:
        container.close()
        raise ValueError(f"{path} holds no video")
    return container


def _damaged(path, error):
    empty = path.is_file() and not path.stat().st_size
    reason = "empty" if empty else getattr(error, "strerror", None) or error
    return ValueError(
        f"{path} cannot be read as a video ({reason}): it is cut off or damaged, get it again"
    )
