"""Reading one video file: its clock, and its frames by number.

Nothing here knows what is filmed or which videos belong together; that is the converters' business
(`data_scripts.videos` among them).
"""

import functools
from typing import NamedTuple

import av
import numpy as np
from av.stream import Disposition

#: Frames a second that a file without times may claim; more is a header's mistake.
FASTEST = 250


class Timing(NamedTuple):
    """The clock of a video. rate: frames a second. begin: the time of the first frame that is
    shown, in the file's own seconds, None if it has none. frames: how many there are, lost ones
    included. steady: whether they come at one rate, apart from lost ones. zero: a player's second 0
    in the file's seconds; the sound may begin before the pictures.
    """

    rate: float
    begin: float | None
    frames: int
    steady: bool
    zero: float | None = None

    @property
    def late(self):
        """The player's second at which the first frame is shown."""
        return 0.0 if self.begin is None else self.begin - self.zero


def timing(path):
    """The `Timing` of a video file, from its packets, without decoding any. Raises `ValueError` for
    a file that is no readable video or does not say its frame rate.
    """
    status = path.stat() if path.is_file() else None
    return _timing(path, status and status.st_size, status and status.st_mtime_ns)


@functools.lru_cache(maxsize=256)
def _timing(path, size, changed):
    with _open(path) as container:
        stream, times = _pictures(container), []
        try:
            for packet in container.demux(stream):
                # an edit list hides packets that only help to decode the first ones shown
                if packet.size and not packet.is_discard:
                    times.append(packet.pts)
        except (av.FFmpegError, OSError):  # cut off
            pass
        ordered_only = container.format.name == "avi"  # an AVI file holds no times
        if ordered_only or None in times or len(set(times)) < 3:
            rate = float(stream.average_rate or 0)
            if not 0 < rate <= FASTEST:
                says = f"says {rate:g} frames a second" if rate else "does not say its frame rate"
                raise ValueError(
                    f"{path} {says} and holds no times of its frames: write it again with the rate"
                    " it was filmed at, as with ffmpeg -r 50 -i IN OUT"
                )
            return Timing(rate, None, max(len(times), stream.frames), True)
        # a time that comes twice shows nothing new
        times = np.unique(times) * float(stream.time_base)
        zero = float(times[0])
        if container.start_time is not None:
            zero = min(zero, container.start_time / av.time_base)
    steps = np.diff(times) / np.median(np.diff(times))
    whole = np.maximum(np.round(steps), 1)  # 2 where one frame is lost
    rate = float(whole.sum() / (times[-1] - times[0]))
    # by how many frames each is shown away from where one rate would show it
    off = abs((times - times[0]) * rate - np.r_[0, np.cumsum(whole)])
    steady = (abs(steps - whole) > 0.3).mean() < 0.05 and (off > 1).mean() < 0.02
    return Timing(rate, float(times[0]), int(whole.sum()) + 1, bool(steady), zero)


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
        stream = _pictures(container)
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


def size_of(path):
    """(width, height) of a video's pictures as a player shows them, turned upright."""
    with _open(path) as container:
        stream = _pictures(container)
        size = stream.codec_context.width, stream.codec_context.height
        frame = next(iter(container.decode(stream)), None)
    turned = frame is not None and frame.rotation % 180
    return size[::-1] if turned else size


def _open(path):
    try:
        container = av.open(str(path))
    except (av.FFmpegError, OSError) as error:
        raise _damaged(path, error) from None
    if _pictures(container) is None:
        container.close()
        raise ValueError(f"{path} holds no video")
    return container


def _pictures(container):
    """The stream of the film: the first that is no cover picture; None if there is none."""
    cover = Disposition.attached_pic
    return next((s for s in container.streams.video if not s.disposition & cover), None)


def _damaged(path, error):
    empty = path.is_file() and not path.stat().st_size
    reason = "empty" if empty else getattr(error, "strerror", None) or error
    return ValueError(
        f"{path} cannot be read as a video ({reason}): it is cut off or damaged, get it again"
    )
