"""The house stays in order: imports go one way, rooms know only what they may, files stay short."""

import ast
import re
from pathlib import Path

import pytest

import mcss

ROOT = Path(__file__).resolve().parents[1]
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for package in ("mcss", "data_scripts")
    for path in sorted((ROOT / package).rglob("*.py"))
}
#: The paper, as `mcss.__doc__` lists it.
ORDER = re.findall(r"`(\w+)`", re.search(r"reading order.*?\n\nAround", mcss.__doc__, re.S)[0])
#: What is called with `python -m`, as the end of `mcss.__doc__` lists it.
COMMANDS = set(re.findall(r"`(\w+)`", mcss.__doc__.rpartition("command line:")[2]))
ROOMS = {
    "mcss.fast": ("mcss.fast",),
    "mcss.store": ("mcss.store", "mcss.skeleton"),
    "data_scripts.common": (
        "data_scripts.common",
        *("mcss.data", "mcss.store", "mcss.engine.machine", "mcss.figures.sheets"),
    ),
}
LONGEST = 275  # lines of a file of the package; about 250 is the aim


def imports(name):
    """The modules of the house that a module imports, anywhere in it."""
    path, found = MODULES[name], set()
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*(above if node.level else []), *filter(None, [node.module])])
            found |= {
                f"{base}.{alias.name}" if f"{base}.{alias.name}" in MODULES else base
                for alias in node.names
            }
    return (found & MODULES.keys()) - {name}


GRAPH = {name: imports(name) for name in MODULES}


def test_every_module_of_the_paper_is_listed():
    top = {path.stem for path in (ROOT / "mcss").glob("*.py")} - {"__init__"}
    assert set(ORDER) | COMMANDS == top and not set(ORDER) & COMMANDS


def test_nothing_imports_a_command():
    for name, used in GRAPH.items():
        assert not used & {f"mcss.{command}" for command in COMMANDS}, name


def test_the_paper_is_read_without_a_climb():
    for name in ORDER:
        above = {m.split(".")[1] for m in GRAPH[f"mcss.{name}"] if m.count(".") == 1}
        later = ORDER[ORDER.index(name) + 1 :]
        assert not above & set(later), f"{name} imports {above & set(later)}, which come later"


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_knows_only_what_it_may(room):
    for name, used in GRAPH.items():
        if name.startswith(room):
            assert all(other.startswith(ROOMS[room]) for other in used), (name, used)


def test_the_method_knows_nothing_of_its_surroundings():
    """Tables, figures, commands and data scripts import the method, not the other way round."""
    for name, used in GRAPH.items():
        outside = ("mcss.experiments", "mcss.figures", "data_scripts")
        inside = name.startswith("mcss") and name.removeprefix("mcss.") not in COMMANDS
        if inside and not name.startswith(outside):
            assert not [other for other in used if other.startswith(outside)], name
        if name.startswith("mcss"):
            assert not [other for other in used if other.startswith("data_scripts")], name


def test_nothing_of_the_method_knows_its_rivals():
    """Only tables compare them; the figures get their pictures."""
    for name, used in GRAPH.items():
        if not name.startswith(("mcss.rivals", "mcss.experiments")):
            assert not [other for other in used if other.startswith("mcss.rivals")], name
    for name in GRAPH:
        if name.startswith("mcss.rivals"):
            assert not [other for other in GRAPH[name] if other.startswith("mcss.experiments")]


def test_there_is_no_circle():
    done, path = set(), []

    def visit(name):
        assert name not in path, " -> ".join([*path[path.index(name) :], name])
        if name not in done:
            path.append(name)
            for other in sorted(GRAPH[name]):
                visit(other)
            path.pop()
            done.add(name)

    for name in GRAPH:
        visit(name)


def test_files_are_short():
    lengths = {n: len(p.read_text(encoding="utf-8").splitlines()) for n, p in MODULES.items()}
    long = {n: k for n, k in lengths.items() if n.startswith("mcss") and k > LONGEST}
    assert not long


def test_the_book_imports_no_tests():
    for path in sorted((ROOT / "book").glob("*.ipynb")):
        assert not re.search(r"(from|import) tests\b", path.read_text(encoding="utf-8")), path.name


def test_tests_mirror_the_rooms():
    rooms = {path.parent for path in MODULES.values() if path.parent.parent == ROOT / "mcss"}
    for room in rooms:
        assert list((ROOT / "tests/mcss" / room.name).glob("test_*.py")), f"no tests of {room.name}"
