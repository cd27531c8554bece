"""The book as a reader's browser gets it: built from the stored outputs, served with gzip on this
machine, opened in Chromium.
"""

import functools
import gzip
import http.server
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import yaml
from filelock import FileLock

ROOT = Path(__file__).resolve().parents[2]
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
TEXTS = {".html", ".js", ".css", ".json", ".svg", ".txt"}


@pytest.fixture(scope="session")
def book(tmp_path_factory):
    """The folder of the HTML pages, built strictly. Workers of pytest-xdist share one build."""
    shared = tmp_path_factory.getbasetemp()
    shared = shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared
    out = shared / "book"
    with FileLock(shared / "book.lock"):
        if not (out / "log").exists():
            out.mkdir()
            config = yaml.safe_load((ROOT / "_config.yml").read_text())
            config["execute"]["execute_notebooks"] = "off"
            config["sphinx"]["local_extensions"] = {
                name: str(ROOT / folder)
                for name, folder in config["sphinx"]["local_extensions"].items()
            }
            (out / "_config.yml").write_text(yaml.safe_dump(config))
            program = "from jupyter_book.cli.main import main; main()"
            command = [sys.executable, "-c", program, "build", "."]
            paths = ["--config", out / "_config.yml", "--path-output", out]
            options = [*paths, "-n", "-W", "--keep-going"]
            built = subprocess.run([*command, *options], cwd=ROOT, capture_output=True, text=True)
            failure = built.stdout[-3000:] + built.stderr[-3000:] if built.returncode else ""
            (out / "log").write_text(failure)
    assert (out / "log").read_text() == ""
    return out / "_build" / "html"


@functools.cache
def compressed(file):
    return gzip.compress(file.read_bytes(), 6)


class Server(http.server.SimpleHTTPRequestHandler):
    """Texts go out compressed, as from GitHub Pages."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *args):
        pass

    def do_GET(self):
        file = Path(self.translate_path(self.path))
        if self.path == "/favicon.ico":  # every browser requests it
            self.send_response(204)
            self.send_header("Content-Length", "0")
            return self.end_headers()
        if not file.is_file():
            return self.send_error(404)
        content = compressed(file) if file.suffix in TEXTS else file.read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(str(file)))
        if file.suffix in TEXTS:
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


class Servers(http.server.ThreadingHTTPServer):
    request_queue_size = 100  # a page asks for 40 files at once


@pytest.fixture(scope="module")
def address(book):
    """Where the book is served: `http://127.0.0.1:PORT`."""
    server = Servers(("127.0.0.1", 0), functools.partial(Server, directory=str(book)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


# Not for the session: until it is stopped, no other event loop starts in this process.
@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip(
        "playwright.sync_api",
        reason="NOT CHECKED in a browser: the Python package playwright is missing",
    )
    names = ("chromium", "chromium-browser", "google-chrome")
    program = next(filter(None, map(shutil.which, names)), None)
    if not program:
        pytest.skip(
            "NOT CHECKED in a browser: there is no chromium on this machine (Debian, Ubuntu:"
            " apt-get install chromium)"
        )
    with playwright.sync_playwright() as p:
        # swiftshader: figures in 3D without a graphics card.
        options = [
            "--no-sandbox",
            "--disable-background-networking",
            "--use-angle=swiftshader",
            "--enable-unsafe-swiftshader",
        ]
        browser = p.chromium.launch(executable_path=program, args=options)
        yield browser
        browser.close()


class Visit:
    """A page as it was opened, and everything that happened on the way."""

    def __init__(self, browser, url, phone, dark, still):
        size, scheme = (PHONE if phone else DESK), ("dark" if dark else "light")
        self.context = browser.new_context(
            viewport=size,
            is_mobile=phone,
            has_touch=phone,
            color_scheme=scheme,
            reduced_motion="reduce" if still else "no-preference",
        )
        self.page = self.context.new_page()
        self.requests, self.faults, self._loaded, self._ended = [], [], [], []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("requestfinished", self._finished)
        self.page.on("requestfailed", self._failed)
        self.page.on("response", self._answered)
        self.page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        self.page.on("console", self._noted)
        self.page.goto(url)
        self.settle()

    def _finished(self, request):
        self._loaded.append(request)
        self._ended.append(request.url)

    def _failed(self, request):
        self.faults.append(f"failed: {request.url}")
        self._ended.append(request.url)

    def _answered(self, response):
        if response.status >= 400:
            self.faults.append(f"{response.status}: {response.url}")

    def _noted(self, message):
        if message.type == "error":
            self.faults.append(f"console: {message.text}")

    def settle(self, quiet=0.3, limit=30):
        """Waits until nothing is loaded any more."""
        since, end = None, time.monotonic() + limit
        while since is None or time.monotonic() < since + quiet:
            missing = [url for url in self.requests if url not in self._ended]
            assert time.monotonic() < end, f"still loading: {missing}"
            self.page.wait_for_timeout(50)
            busy = len(self._ended) < len(self.requests)
            since = None if busy else since or time.monotonic()

    def megabytes(self):
        """What has gone over the wire so far, compressed, headers included."""
        sizes = [request.sizes() for request in self._loaded]
        return sum(size["responseBodySize"] + size["responseHeadersSize"] for size in sizes) / 1e6


@pytest.fixture
def visit(browser, address):
    """visit("book/NAME.html") opens a page of the book; a whole address is taken as it is. still:
    less motion is asked for.
    """
    visits = []

    def open_page(page, phone=False, dark=False, still=False):
        url = page if "://" in page else f"{address}/{page}"
        visits.append(Visit(browser, url, phone, dark, still))
        return visits[-1]

    yield open_page
    for each in visits:
        each.context.close()
