from mcss.experiments.results import summary
from mcss.figures.results import dots, heat_map, lines, number, origin, table

RESULT = {
    "rows": [
        {
            "label": "MCSS",
            "training": "mcss-one",
            "values": {
                "N-MPJPE": summary([100.0, 110.0, 105.0]),
                "curve": summary([[1.0], [2.0], [3.0]]),
            },
            "trained": [{"commit": "abc"}],
        },
        {
            "label": "Baseline",
            "training": "baseline-one",
            "values": {"N-MPJPE": summary([150.0, 151.0, 149.0])},
            "trained": [{"commit": "abc"}],
        },
    ],
    "stores": {"main": {"name": "toy", "images": 1200, "image_size": 32, "recipe_hash": "0123"}},
    "command": "python -m ...",
    "schedule": "small",
    "seeds": [0, 1, 2],
    "commit": "abd",
    "hardware": "2 CPU cores",
    "seconds": 120.0,
    "finished": "2026-11-22T10:00:00",
}


def test_numbers_are_shown_with_their_uncertainty():
    assert number(105.0, [92.6, 117.4]) == "105 ± 12"
    assert [number(5.25, None), number(None), number(0.125)] == ["5.2", "-", "0.12"]


def test_a_table_shows_numbers_and_leaves_curves_out():
    head, _, first, *others = table(RESULT).data.splitlines()
    assert head == "|  | N-MPJPE (mm) |" and first == "| MCSS | 105 ± 12 |" and len(others) == 1


def test_a_table_shows_the_paper_s_numbers_where_it_has_them():
    published = {"rows": [{"training": "mcss-one", "N-MPJPE": 111.94}, {"method": "another"}]}
    head, _, first, second = table(RESULT, published=published).data.splitlines()
    assert head == "|  | N-MPJPE (mm) | *N-MPJPE (mm), the paper* |"
    assert first == "| MCSS | 105 ± 12 | 112 |" and second.endswith("| - |")


def test_the_origin_says_it_all():
    text = origin(RESULT).data
    assert text.startswith("<details><summary>How it was made</summary>\n\n")
    for part in (
        "python -m",
        "`toy` (1,200 images of 32 px, recipe 0123)",
        "small",
        "seeds 0, 1, 2",
        "abc",
        "abd",
        "2 CPU cores",
        "2 min",
        "2026-11-22",
    ):
        assert part in text


def test_the_paper_s_number_stands_beside_ours():
    published = {"data": "Human3.6M", "rows": [{"training": "mcss-one", "N-MPJPE": 111.94}]}
    figure = dots(RESULT, "N-MPJPE", "alt", published)
    seeds, mean, paper = figure.data
    assert list(seeds.x) == [150, 151, 149, 100, 110, 105]
    assert list(mean.x) == [150, 105] and list(mean.y) == ["Baseline", "MCSS"]
    assert list(paper.x) == [111.94] and list(paper.y) == ["MCSS"]
    assert figure.layout.meta["alt"] == "alt"


def test_a_band_is_its_interval():
    series = {"a": ([1, 2, 3], [5.0, None, 7.0], [[4, 6], None, [6, 8]])}
    band, line = lines(series, "x", "y", "alt").data
    assert list(band.x) == [1, 3, 3, 1] and list(band.y) == [6, 8, 6, 4]
    assert list(line.y) == [5.0, None, 7.0]


def test_a_heat_map_is_drawn_from_the_bottom():
    assert heat_map([[0.0, 1.0], [1.0, 0.0]], ["a", "b"], "alt").data[0].z[0][0] == 1.0
