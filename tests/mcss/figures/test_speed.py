import json

import pytest

from mcss.figures.speed import duration, exponent, growth, read_speed, rows_of, series, target_table


@pytest.fixture
def speed(tmp_path):
    """Work that grows with the square of its size, beside a peer that grows in proportion."""

    def row(size, target=None, reached=None):
        return {
            "work": "mining",
            "size": size,
            "of": "pairs",
            "seconds": {"ours": 1e-6 * size**2, "peer": 1e-3 * size, "other": 1.0},
            "faster": True,
            "ratio": [1000 / size, 900 / size, 1100 / size],
            "target": target,
            "reached": reached,
            "value": None,
            "unit": "",
            "note": "",
        }

    rows = [row(400), row(100, 3, True), row(200, 8, False)]
    (tmp_path / "mining.cpu.json").write_text(json.dumps({"rows": rows}))
    return read_speed(tmp_path)


def test_another_device_is_not_measured(speed, tmp_path):
    assert len(rows_of(speed)) == 3 and read_speed(tmp_path, "cuda") == {}


def test_the_table_shows_what_has_a_target(speed):
    lines = target_table(speed).data.splitlines()
    assert lines[2:] == [
        (
            "| mining, 100 pairs | ours 10 ms; peer 100 ms; other 1 s | 10 (9 to 11) times as fast"
            " | at least 3: reached |"
        ),
        (
            "| mining, 200 pairs | ours 40 ms; peer 200 ms; other 1 s | 5 (4.5 to 5.5) times as"
            " fast | at least 8: **not reached** |"
        ),
    ]


def test_a_value_instead_of_a_ratio(speed):
    memory = {"seconds": {}, "value": 0.137, "unit": "GB"}
    target = {"target": 1, "faster": False, "reached": True}
    speed["mining"]["rows"] = [{**speed["mining"]["rows"][0], **memory, **target}]
    line = target_table(speed).data.splitlines()[2]
    assert line == "| mining, 400 pairs |  | 0.137 GB | at most 1: reached |"


def test_growth(speed):
    assert series(speed, "mining")[0] == [100, 200, 400]
    assert exponent(*series(speed, "mining")) == pytest.approx(2)
    assert exponent(*series(speed, "mining", "peer")) == pytest.approx(1)
    works = {"a": ("mining", None), "b": ("mining", "peer")}
    ours, peer = growth(speed, works, "pairs", "alt").data
    assert ours.name == "a: 2.0" and peer.name == "b: 1.0" and list(peer.y) == [0.1, 0.2, 0.4]


def test_the_exponent_is_that_of_the_large_end():
    assert exponent([1, 10, 100, 1000], [1, 1, 1, 10]) == pytest.approx(1)


@pytest.mark.parametrize(
    "seconds, text",
    [
        (None, ""),
        (2e-6, "2 µs"),
        (0.0123, "12 ms"),
        (3.4, "3.4 s"),
        (600, "10 min"),
        (7200, "2 h"),
        (864_000, "10 days"),
        (1e9, "32 years"),
    ],
)
def test_durations(seconds, text):
    assert duration(seconds) == text
