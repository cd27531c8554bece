"""Installing the package in Colab must leave alone everything that Colab ships.

Colab comes with a PyTorch built for its driver. A requirement that replaces it costs every
reader minutes, and often a working GPU. So: what `pip install` of this package asks for,
with all that follows from packages Colab does not have, has to accept Colab's versions.
"""

import tomllib
from importlib.metadata import PackageNotFoundError, metadata, requires
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
FULL_LIST = ROOT.parent / "shared" / "colab" / "pip-freeze.gpu.txt"

PYTHON = "3.13.1"
# Of Colab's image with a GPU, the packages that our requirements reach.
COLAB = {
    "torch": "2.11.0+cu128",
    "torchvision": "0.26.0+cu128",
    "numpy": "2.1.3",
    "plotly": "5.24.1",
    "ipywidgets": "7.7.1",
    "scikit-learn": "1.6.1",
    "scipy": "1.16.3",
    "pyarrow": "18.1.0",
    "safetensors": "0.8.0",
    "tqdm": "4.67.3",
    "filelock": "3.32.3",
    "pillow": "11.3.0",
    "pyyaml": "6.0.3",
    "requests": "2.32.4",
    "h5py": "3.16.0",
}


def run_time_set() -> list[str]:
    """What Colab installs: the package, and in chapter 11b the readers of real data sets."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return project["dependencies"] + project["optional-dependencies"]["data"]


def replaced(requirements: list[str], colab: dict[str, str | None]) -> list[str]:
    """What pip would replace in an image with `colab`, as sentences; version None: unknown."""
    environment = {
        **default_environment(),
        "python_version": PYTHON[:4],
        "python_full_version": PYTHON,
        "sys_platform": "linux",
        "platform_system": "Linux",
        "platform_machine": "x86_64",
        "os_name": "posix",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "extra": "",
    }
    complaints, seen, queue = [], set(), [("mcss", text) for text in requirements]
    while queue:
        asker, text = queue.pop()
        requirement = Requirement(text)
        if requirement.marker and not requirement.marker.evaluate(environment):
            continue
        name = canonicalize_name(requirement.name)
        if name in colab:
            version = colab[name]
            if version and not requirement.specifier.contains(version, prereleases=True):
                complaints.append(f"{asker} asks for {text}, Colab ships {version}")
        elif name not in seen:  # pip would bring this one, and what it asks for
            seen.add(name)
            try:
                python = metadata(name).get("Requires-Python") or ""
            except PackageNotFoundError:
                complaints.append(
                    f"{asker} asks for {text}, which is neither in Colab's list nor installed here"
                )
                continue
            if not SpecifierSet(python).contains(PYTHON):
                complaints.append(f"{name} wants Python {python}, Colab has {PYTHON}")
            queue += [(name, further) for further in requires(name) or []]
    return complaints


def full_list() -> dict[str, str | None]:
    if not FULL_LIST.exists():
        pytest.skip(
            "NOT CHECKED against Colab's whole list: it is not on this machine; the table above is"
            " checked"
        )
    lines = [line.split("#")[0].strip() for line in FULL_LIST.read_text().splitlines()]
    packages = {}
    for line in filter(None, lines):
        name, _, version = line.partition(" @ ")[0].partition("==")
        packages[canonicalize_name(name.strip())] = version.strip() or None
    return packages


def test_the_table_is_kept():
    assert replaced(run_time_set(), COLAB) == []


def test_the_whole_list_is_kept():
    assert replaced(run_time_set(), full_list()) == []


def test_nothing_is_missing_in_colab():
    """So the first cell of a chapter installs the package without dependencies."""
    needed = {
        canonicalize_name(Requirement(text).name)
        for text in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    }
    assert needed <= COLAB.keys()


def test_the_table_is_part_of_the_list():
    packages = full_list()
    assert COLAB == {name: packages.get(name) for name in COLAB}


def test_every_requirement_that_colab_ships_is_in_the_table():
    packages = full_list()
    names = {canonicalize_name(Requirement(text).name) for text in run_time_set()}
    assert names & packages.keys() <= COLAB.keys()


@pytest.mark.parametrize(
    "requirement", ["numpy>=2.2", "torch==2.13.0", "plotly>=6", "ipywidgets>=8"]
)
def test_a_replacement_is_noticed(requirement):
    assert replaced([*run_time_set(), requirement], COLAB)


def test_a_replacement_by_something_new_is_noticed():
    """anny is not on Colab's list and asks for torch>=2.0."""
    assert replaced(["anny"], {**COLAB, "torch": "1.13.0"})
