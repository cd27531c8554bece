"""Reading one video file: its clock, and its pictures in the order in which they are shown.

Nothing here knows what is filmed or which videos belong together; that is the converters' business
(`data_scripts.videos` among them).
"""

import functools
from collections import Counter
from typing import NamedTuple

import av
import numpy as np

FASTEST = 250  # frames a second; a header that says more says nothing
ROUNDED = 1e-3  # seconds: some files keep whole milliseconds only


class Timing(NamedTuple):
    """The clock of a video. times `(F,)`: when each of its pictures is shown, ascending, in seconds
    of a player's clock; a picture's place in it is its position. pts `(F,)`: the same as the file
    writes it, or None if it holds no times; then they are counted at its rate. header_rate: what
    the header says, 0 if nothing. claimed: how many pictures the header speaks of, if a file
    without times is cut off, else 0. films: how many the file holds. pixel: how many times as wide
    as high a player shows its pixels. begin: what the file calls a player's second 0.
    """

    times: np.ndarray
    pts: np.ndarray | None
    header_rate: float
    claimed: int = 0
    films: int = 1
    pixel: float = 1.0
    begin: float = 0.0

    @property
    def step(self):
        """Seconds from one picture to the next where the film is at its fastest: its true rate, if
        pictures are lost or it slows down in the dark.
        """
        steps = np.diff(self.times)
        if not steps.any():  # a single picture
            return 1 / (self.header_rate or 1)
        return float(np.percentile(steps[steps > 0], 20))

    @property
    def rate(self):
        """Pictures a second, counted with those that are lost."""
        if self.pts is None or not np.ptp(self.times):
            return 1 / self.step
        return float(self._whole().sum() / np.ptp(self.times))

    @property
    def numbers(self):
        """Each picture's number `(F,)` in a film of constant rate: a lost one shifts no other."""
        if self.pts is None:
            return np.arange(len(self.times))
        return np.round((self.times - self.times[0]) * self.rate).astype(int)

    @property
    def frames(self):
        """How many pictures there are, lost ones included."""
        return max(int(self.numbers[-1]) + 1, self.claimed)

    def _whole(self):
        steps = np.diff(self.times)
        return np.maximum(np.round(steps / np.median(steps[steps > 0])), steps > 0)

    @property
    def repeated(self):
        """`(F,)` bool: the pictures that share their time with another one."""
        same = np.diff(self.times) <= 0
        return np.append(same, False) | np.append(False, same)

    def nearest(self, seconds):
        """The positions `(T,)` of the pictures that are shown nearest to these moments `(T,)`; -1
        where none is within half a frame, or the picture's own moment is not known.
        """
        times, seconds = self.times, np.asarray(seconds, float)
        after = np.searchsorted(times, seconds).clip(max=len(times) - 1)
        before = np.maximum(after - 1, 0)
        # half way between two, all views take the earlier one, whatever the rounding
        late = seconds - times[before] > times[after] - seconds + 2 * ROUNDED
        found = np.where(late, after, before)
        far = abs(times[found] - seconds) > self.step / 2
        # what lies between two pictures of the usual distance is near enough to one of them
        inside = (times[before] <= seconds + ROUNDED) & (seconds - ROUNDED <= times[after])
        far &= ~inside | (times[after] - times[before] > 1.1 * self.step + ROUNDED)
        found[far | self.repeated[found]] = -1
        found[1:][(np.diff(found) == 0)] = -1  # no picture is stored twice
        return found


def timing(path):
    """The `Timing` of a video file, from its packets, without decoding any. Raises `ValueError` for
    a file that is no readable video or does not say its frame rate.

    What an edit list hides does not count. Second 0 is where a player begins: with the sound, if
    that begins before the picture.
    """
    status = path.stat() if path.is_file() else None
    return _timing(path, status and status.st_size, status and status.st_mtime_ns)


@functools.lru_cache(maxsize=256)
def _timing(path, size, changed):
    with _open(path) as container:
        stream, packets, counts = film(container), [], Counter()
        try:
            for packet in container.demux(*container.streams.video):
                counts[packet.stream.index] += bool(packet.size)
                if packet.stream.index == stream.index and packet.size and not packet.is_discard:
                    packets.append((packet.pts, packet.dts))
        except (av.FFmpegError, OSError):  # cut off
            pass
        if not packets:
            raise _damaged(path, "no picture in it")
        header, claimed = float(stream.average_rate or 0), stream.frames
        films = sum(count > 1 for count in counts.values())
        begin = (container.start_time or 0) / av.time_base
        about = films, float(stream.sample_aspect_ratio or 1), begin
        pts, dts = zip(*packets)
        tick = float(stream.time_base)
        if container.format.name == "avi" or None in pts:  # an AVI file counts, also what it lacks
            counted = None not in dts and len(set(dts)) == len(dts)
            if not (header or counted):
                raise ValueError(
                    f"{path} does not say its frame rate: write it again, as with ffmpeg -i IN -r"
                    " 50 OUT"
                )
            times = np.sort(dts) * tick if counted else np.arange(len(packets)) / header
            clock = Timing(times - times[0], None, header, 0, *about)
            # of a file that is cut off, the header still speaks of the rest
            if claimed * tick > np.ptp(times) + 2 * clock.step:
                clock = clock._replace(claimed=claimed)
            if clock.step < 1 / FASTEST:
                raise ValueError(
                    f"{path} says {1 / clock.step:.4g} frames a second and holds no times of its"
                    " frames: write it again with the rate that it was filmed at, as with ffmpeg"
                    " -r 50 -i IN OUT"
                )
            return clock
        pts = np.sort(pts)
        return Timing(pts * tick - begin, pts, header, 0, *about)


def film(container):
    """The stream of a container's film, None if it has none: the picture of a cover, which many
    programs put first, is none.
    """
    stream = container.streams.best("video")
    cover = av.stream.Disposition.attached_pic
    return None if stream is None or stream.disposition & cover else stream


def decoded(path, threads=0):
    """Yields (position, `av.VideoFrame`) of every picture of a video that can be decoded, in the
    order in which they are shown; `Timing` says what a position is.

    Damaged pictures are left out, and so are those after them up to the next key frame, because
    they are made from them. threads: of the decoder; 0 for all cores. Decoding ends without an
    error where the file is cut off. Raises `ValueError` if not even one picture can be read.
    """
    position, sound, problem, any_frame = -1, True, "no frame in it", False
    clock = timing(path)
    with _open(path) as container:
        stream = film(container)
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
                problem, sound, position = error, False, position + (clock.pts is None)
                continue
            except (av.FFmpegError, OSError) as error:
                problem = error
                break
            for frame in frames:
                if clock.pts is None or frame.pts is None:
                    position += 1
                else:  # of two with one time, the second is one further
                    first, last = np.searchsorted(clock.pts, [frame.pts, frame.pts + 1])
                    position = first + (first <= position < last - 1) * (position + 1 - first)
                sound = not frame.is_corrupt and (sound or frame.key_frame)
                if sound and position < len(clock.times):
                    any_frame = True
                    yield int(position), frame
    if not any_frame:
        raise _damaged(path, problem)


def last_of(path):
    """The last picture of a video, an `av.VideoFrame`, found without decoding the whole; None if it
    is not found.
    """
    with _open(path) as container:
        stream, frame = film(container), None
        try:
            container.seek(container.duration or 0)
            for packet in container.demux(stream):
                frame = (packet.decode() or [frame])[-1]
        except (av.FFmpegError, OSError):  # cut off
            pass
        return frame


def size_of(path):
    """(width, height) of a video's pictures, as a player shows them."""
    _, frame = next(decoded(path, 1))
    size = frame.width, frame.height
    return size[::-1] if frame.rotation % 180 else size


def _open(path):
    try:
        container = av.open(str(path))
    except (av.FFmpegError, OSError) as error:
        raise _damaged(path, error) from None
    if film(container) is None:
        container.close()
        raise ValueError(f"{path} holds no video")
    return container


def _damaged(path, error):
    empty = path.is_file() and not path.stat().st_size
    reason = "empty" if empty else getattr(error, "strerror", None) or error
    return ValueError(
        f"{path} cannot be read as a video ({reason}): it is cut off or damaged, get it again"
    )
