"""Official archives of made-up data sets, hostile ones, and a web server to download them from."""

import hashlib
import http.server
import io
import shutil
import stat
import tarfile
import threading
import zipfile
from contextlib import contextmanager
from pathlib import Path


def pack_human36m(folder, subject):
    """Moves a subject's files into the three official archives; returns their paths."""
    parts = {
        "Poses_D3_Positions": "MyPoseFeatures/D3_Positions",
        "Videos": "Videos",
        "Segments_mat_gt_bb": "MySegmentsMat/ground_truth_bb",
    }
    paths = [folder / f"{name}_{subject}.tgz" for name in parts]
    for path, part in zip(paths, parts.values()):
        with tarfile.open(path, "w:gz", compresslevel=1) as archive:
            archive.add(folder / subject / part, f"{subject}/{part}")
    shutil.rmtree(folder / subject)
    return paths


def pack_3dhp(folder, recording, inside=""):
    """Moves a sequence's videos into the official zip file, with the prefix `inside`; returns its
    path.
    """
    videos = folder / recording.subject / recording.action / "imageSequence"
    with zipfile.ZipFile(videos / "vnect_cameras.zip", "w") as file:
        for video in sorted(videos.glob("*.avi")):
            file.write(video, inside + video.name)
            video.unlink()
    return videos / "vnect_cameras.zip"


def pack_aspset(folder, archives):
    """Writes the nine official archives of an unpacked ASPset-510 into the folder `archives`;
    returns `{file name: MD5}`.
    """
    archives.mkdir(parents=True, exist_ok=True)
    parts = {
        f"{part}-{kind}": f"{part}/{kind}"
        for part in ("trainval", "test")
        for kind in ("cameras", "boxes", "joints_3d", "videos")
    }
    for name, inside in {**parts, "common-splits": "splits.csv"}.items():
        with tarfile.open(archives / f"aspset510_v1_{name}.tar.gz", "w:gz") as archive:
            archive.add(folder / inside, f"ASPset-510/{inside}")
    return {
        path.name: hashlib.md5(path.read_bytes()).hexdigest() for path in sorted(archives.iterdir())
    }


def evil_tar(archive, kind, outside):
    """Replaces a tar archive by one that would write into the folder `outside`, above those it may
    be unpacked into.
    """

    def member(name, **more):
        info = tarfile.TarInfo(name)
        for key, value in more.items():
            setattr(info, key, value)
        return info

    evil = {
        "above": [member("../evil.txt", size=4)],
        "absolute": [member(str(outside / "evil.txt"), size=4)],
        "symlink": [
            member("S1/Videos/out", type=tarfile.SYMTYPE, linkname=str(outside)),
            member("S1/Videos/out/evil.txt", size=4),
        ],
        "hard link": [
            member("S1/Videos/mine", type=tarfile.LNKTYPE, linkname="../mine.txt"),
            member("S1/Videos/mine", size=4),
        ],
    }[kind]
    with tarfile.open(archive, "w:gz") as file:
        for info in evil:
            file.addfile(info, io.BytesIO(b"evil"))


def evil_zip(archive, kind, outside):
    """Adds a member to a zip archive that would write into the folder `outside`."""
    link = zipfile.ZipInfo("video_12.avi")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    absolute = str(outside / "evil.txt")
    name = {"above": "../../../../evil.txt", "absolute": absolute, "symlink": link}[kind]
    with zipfile.ZipFile(archive, "a") as file:
        file.writestr(name, str(outside) if kind == "symlink" else "evil")


def lock(archive):
    """Marks the first file of a zip archive as encrypted, in both of its headers."""
    with zipfile.ZipFile(archive) as file:
        flags = file.infolist()[0].header_offset + 6, file.start_dir + 8
    data = bytearray(archive.read_bytes())
    for position in flags:
        data[position] |= 1
    archive.write_bytes(data)


@contextmanager
def served(folder, ranges=True, cut=None, missing=()):
    """A web server for the files of `folder`, while the block runs: yields (its address, log), with
    log a list of (file name, first byte, bytes sent).

    It redirects first, as archive.org does. ranges: whether it can send the end of a file alone.
    cut: the file whose first answer breaks off in the middle. missing: files that it denies.
    """
    log, broken = [], []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            name = Path(self.path).name
            if self.path.startswith("/download/"):
                self.send_response(302)
                self.send_header("Location", f"/{name}")
                return self.end_headers()
            if name in missing or not (folder / name).is_file():
                log.append((name, 0, 0))
                return self.send_error(404)
            data = (folder / name).read_bytes()
            requested = self.headers.get("Range") if ranges else None
            first = int(requested.removeprefix("bytes=").split("-")[0]) if requested else 0
            if first >= len(data):
                log.append((name, first, 0))
                return self.send_error(416)
            self.send_response(206 if requested else 200)
            if requested:
                self.send_header("Content-Range", f"bytes {first}-{len(data) - 1}/{len(data)}")
            self.send_header("Content-Length", str(len(data) - first))
            self.end_headers()
            if self.command == "HEAD":
                return
            part = data[first : len(data) // 2] if name == cut and not broken else data[first:]
            broken.extend([name] if name == cut else [])
            self.wfile.write(part)
            log.append((name, first, len(part)))

        do_HEAD = do_GET

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/download", log
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
