"""What `mcss.train`, `mcss.find` and `mcss.predict` share: how a command reads its line
and how it ends.
"""

import argparse
import sys
from pathlib import Path

from PIL import Image

from ..store.files import atomic_write


class Parser(argparse.ArgumentParser):
    """An argument parser whose help begins with a module's own words, and whose errors
    are one line.
    """

    def __init__(self, prog, description):
        super().__init__(
            prog=f"python -m {prog}",
            description=description,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    def error(self, message):
        self.exit(2, f"error: {message} (--help says more)\n")


def command(parser, work):
    """A function like main(arguments) -> exit status, which calls `work` with what the
    parser reads: 0; 2 after bad input, which is said in one line; 130 if interrupted.
    """

    def main(arguments=None):
        try:
            work(**vars(parser().parse_args(arguments)))
        except (ValueError, OSError, RuntimeError) as error:
            print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
            return 2
        except KeyboardInterrupt:
            print("interrupted; run the same line again", file=sys.stderr)
            return 130
        return 0

    return main


def positive(kind):
    """The `type` of an argument that is a positive number; kind: int or float."""

    def read(text):
        try:
            value = kind(text)
        except ValueError:
            value = 0
        if not 0 < value < float("inf"):
            words = "a positive number" if kind is float else "a whole number above 0"
            raise argparse.ArgumentTypeError(f"'{text}' should be {words}")
        return value

    return read


def picture_file(text):
    """The `type` of an argument that names a file of a picture: its path."""
    path = Path(text)
    if Image.registered_extensions().get(path.suffix.lower()) not in Image.SAVE:
        raise argparse.ArgumentTypeError(f"'{text}' should end in .png or .jpg")
    return path


def save_picture(picture, path):
    """Writes a PIL image whole or not at all, in the format that its ending names."""
    with atomic_write(path) as temporary:
        picture.save(temporary, Image.registered_extensions()[path.suffix.lower()])
