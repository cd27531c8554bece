"""Moves the book to another repository: `python book/_ext/address.py
https://github.com/OWNER/NAME`.

The address stands in `_config.yml`. Chapters, README and citation repeat it, because Colab and
GitHub see nothing else; this rewrites all of them.
"""

import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
PLACES = ("_config.yml", "README.md", "CITATION.cff", "mcss/experiments/cards.py", "book/*.ipynb")


def move(new, root=ROOT):
    """Rewrites the repository's address in every file of `root` that names it; returns these."""
    old = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))["repository"]["url"]
    old, new = (address.removeprefix("https://github.com/").rstrip("/") for address in (old, new))
    changed = []
    for place in PLACES:
        for file in sorted(root.glob(place)):
            text = file.read_text(encoding="utf-8")
            moved = text
            for host in (
                "github.com",
                "raw.githubusercontent.com",
                "colab.research.google.com/github",
            ):
                moved = moved.replace(f"https://{host}/{old}", f"https://{host}/{new}")
            if moved != text:
                file.write_text(moved, encoding="utf-8")
                changed.append(file)
    return changed


if __name__ == "__main__":
    if len(sys.argv) != 2 or not sys.argv[1].startswith("https://github.com/"):
        sys.exit(__doc__)
    print(*(file.relative_to(ROOT) for file in move(sys.argv[1])), sep="\n")
