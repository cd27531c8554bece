"""Numbers in the prose of the chapters: each is given by a cell of its chapter, by the book's
stored results or published tables, by a source cited in the same paragraph, or is in `ALLOWED`,
with a reason.

What a reader counts on is checked: decimals, whatever has a unit, and whole numbers from 21 on.
"""

import json
import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[1]
CHAPTERS = sorted((ROOT / "book").glob("*.ipynb"))
NUMBER = re.compile(r"(?<![\w.,/^_-])-?\d+(?:,\d{3})*(?:\.\d+)?(?![\w/^_]|\.\d)")
UNIT = re.compile(
    r"[ -]?(?:%|mm|ms|cm|µs|GB|MB|kB|°|degrees|seconds|minutes|hours|times as)\b|[ ]?%"
)
#: Not prose: code, formulas, addresses, names of sections, tables, figures, equations and chapters.
NOT_PROSE = re.compile(
    r"```.*?```|`[^`]*`|\$\$.*?\$\$|\$[^$]*\$|\]\([^)]*\)|\{[a-z:]+\}|<[^>]*>|https?://\S+"
    r"|(?i:sections?|tables?|figs?\.|figures?|eqs?\.|equations?|chapters?|exercises?|solutions?)"
    r" \d[\w.]*(?:(?:,| and| to|–) \d[\w.]*)*",
    re.S,
)
CITED = re.compile(r"\{cite:")
OF_THE_PAPER = re.compile(r"(?i:the paper|paper's)|Human3\.6M|\b(?:Section|Table|Fig\.) \d")
#: What an exercise assumes is no claim, and its solution has a checker of its own.
EXERCISE = re.compile(r"\*\*\d+\w?\.\d")
# fmt: off
#: All numbers of the paper's text; taken from it by a script, without its references.
PAPER = {
    0.1, 0.3, 0.6, 0.9, 0.99, 1.3, 2.1, 2.2, 3.1, 3.2, 3.6, 4.1, 4.5, 6.1, 6.2, 6.3, 8.7, 10.7,
    10.75, 22, 22.4, 24.8, 25, 34, 37.34, 40, 45, 48, 48.4, 50, 51.6, 55.63, 56.29, 58.2, 62.46,
    63.3, 64, 66.8, 68, 72.48, 75.3, 76, 77.18, 78.2, 80.2, 80.65, 82.29, 83.53, 90.76, 91.9,
    92.1, 92.6, 94.25, 95.07, 95.1, 95.4, 97.9, 98.2, 101.9, 111.7, 111.94, 112.4, 113.69, 115,
    115.85, 116.1, 116.6, 117, 119.6, 120.95, 122.5, 122.6, 128, 128.6, 131.7, 136, 149.28, 153.3,
    154.78, 157.3, 158.6, 159.4, 200, 224, 256, 512, 1080,
}
# fmt: on
#: {chapter: {number: why no cell gives it}}; "*" is for all chapters.
ALLOWED = {
    "*": {
        "300,000": "the size of Human3.6M as the paper trains on it, about",
        "0.37": "chapter 4 prints it",
    },
    "00_start": {
        "60,000": "the training images of `bench`, about (design of the preset)",
        "7,200": "the training images of `sample`, 5 people of 1,440: chapter 1 prints it",
        "3.11": "the oldest Python, in pyproject.toml",
    },
    "03_network": {
        "21": "BatchNorms: 20 of a ResNet-18, and that of G",
        "8,192": "512 x 4 x 4",
    },
    "05_batches": {
        "16,384": "`POOL` of mcss/dealing.py",
        "15": "the length of a clip",
        "3.75": "90 / 24, in the same sentence",
    },
    "06_joint_training": {"33": "66 / 2: the paper's 66, read as pictures"},
    "07_evaluating_poses": {
        "4.30": "Student's t, 97.5%, 2 degrees of freedom",
        "2.78": "Student's t, 97.5%, 4 degrees of freedom",
    },
    "09_retrieval": {"450": "the pictures of `show-field`"},
    "10b_better_than_the_paper": {
        "57": "(149.28 - 95.07) / 95.07, of the paper's Table 1",
        "225": "steps of the schedule `small`, printed in chapter 6",
        "24": "the pairs of a batch; and the difference of two printed numbers",
    },
    "11_your_own_data": {"2.5": "an example of rounding"},
    "11b_real_data": {
        "2,094": "frames of one sequence of MPI-INF-3DHP's official files",
    },
    "12_reference": {
        "3.91": "of the paper's Table 2: 115.85 - 111.94",
        "45.36": "of the paper's Table 2: 157.3 - 111.94",
    },
    "13_speed": {"45": "operations; a test without a GPU counts them, as the sentence says"},
    "14_how_far": {
        "1.56": "390,000 instants from four cameras, of Human3.6M",
        "50": "frames a second of Human3.6M",
        "139": "25 million instants / 50 / 3600",
        "0.8": "25 million / 66 batches of 2 kB",
        "24": "bytes of a compressed embedding, set in the cell's index",
        "512": "bytes of 128 numbers of 4 bytes",
    },
}


SOLUTION = re.compile(r"<details>.*?</details>|```.*?```", re.S)


def paragraphs(notebook):
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            yield from re.split(r"\n\s*\n", SOLUTION.sub("", cell.source))


def numbers_of(paragraph):
    """[(as written, value)] of what is checked in a paragraph."""
    prose = NOT_PROSE.sub(" ", paragraph)
    found = []
    for match in NUMBER.finditer(prose):
        text, rest = match[0], prose[match.end() :]
        if "." in text or UNIT.match(rest) or abs(float(text.replace(",", ""))) > 20:
            found.append(text)
    return found


def values(text):
    return {
        float(found.replace(",", "")) for found in re.findall(r"\d+(?:,\d{3})*(?:\.\d+)?", text)
    }


def leaves(value):
    if isinstance(value, dict):
        return [leaf for each in value.values() for leaf in leaves(each)]
    if isinstance(value, list):
        return [leaf for each in value for leaf in leaves(each)]
    return [value] if isinstance(value, (int, float)) and not isinstance(value, bool) else []


def given(notebook):
    """All numbers that the cells of a chapter hold, in code or in outputs; and of the stored
    results that the code names, the settings, the means and the intervals.
    """
    found, code = set(), ""
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        code += cell.source
        for output in cell.outputs:
            data = output.get("data", {})
            texts = [data.get(kind, "") for kind in ("text/plain", "text/markdown", "text/html")]
            if data.get("text/html", "").startswith("<div class"):
                texts[2] = ""  # the data of an element would give any number
            found |= values(output.get("text", "") + " ".join(texts))
    found |= values(code)
    for file in (ROOT / "book/results").rglob("*.json"):
        if f'"{file.stem.split(".")[0]}"' in code:
            result = json.loads(file.read_text())
            rows = result.pop("rows")
            found |= set(
                leaves([result, [[row.get("config"), row.get("trained")] for row in rows]])
            )
            for value in (value for row in rows for value in row.get("values", {}).values()):
                found |= set(leaves([value.get("mean"), value.get("interval")]))
    return found


PUBLISHED = set(leaves(json.loads((ROOT / "book/published.json").read_text())))


def is_given(text, pool):
    """Whether a number, as written, is one of a pool, rounded; a percentage may be a share."""
    number = abs(float(text.replace(",", "")))
    digits = len(text.partition(".")[2])
    half = 0.5 * 10**-digits * 1.0001
    return any(
        abs(abs(v) * factor - number) <= half for v in pool for factor in (1, 100, 0.001, 1000)
    )


def not_given(notebook, allowed):
    pool = given(notebook) | PUBLISHED
    return [
        f"{text}: {' '.join(paragraph.split())[:160]}"
        for paragraph in paragraphs(notebook)
        if not CITED.search(paragraph) and not EXERCISE.match(paragraph)
        for text in numbers_of(paragraph)
        if text not in allowed
        and not is_given(text, pool | PAPER if OF_THE_PAPER.search(paragraph) else pool)
    ]


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_every_number_in_the_prose_is_given(path):
    allowed = {**ALLOWED.get("*", {}), **ALLOWED.get(path.stem, {})}
    assert not_given(nbformat.read(path, 4), allowed) == []


def chapter(prose, code="", printed=""):
    cells = [nbformat.v4.new_markdown_cell(prose), nbformat.v4.new_code_cell(code)]
    cells[1].outputs = [nbformat.v4.new_output("stream", text=printed)]
    return nbformat.v4.new_notebook(cells=cells)


@pytest.mark.parametrize(
    "prose", ["It takes 64 ms.", "A gain of 3.7%.", "1,234 pictures", "It is 99."]
)
def test_a_number_that_nothing_gives_is_found(prose):
    text = re.search(r"[\d.,]*\d", prose)[0]
    assert [found.split(": ")[0] for found in not_given(chapter(prose), {})] == [text]
    assert not_given(chapter(prose, printed=f"that is {text}"), {}) == []
    assert not_given(chapter(prose), {text: "a reason"}) == []


def test_numbers_are_compared_as_they_are_rounded():
    assert not_given(chapter("72.3 mm", printed="72.349"), {}) == []
    assert not_given(chapter("72.3 mm", printed="72.36"), {}) != []
    assert not_given(chapter("a share of 40%", code="x = 0.4"), {}) == []


def test_what_is_no_claim_is_left_out():
    for prose in ("Three of 20", "`x = 99`", "$x = 99$", "chapter 99", "**7.1** You have 99 mm."):
        assert not_given(chapter(prose), {}) == []
    assert not_given(chapter("111.9 mm, says the paper's Table 1"), {}) == []
    assert not_given(chapter("111.9 mm"), {}) == []  # published.json
    assert not_given(chapter("112.7 mm, says the paper"), {}) != []
