"""What is run on a borrowed GPU, on a CPU and in small."""

import json

import pytest

from tests.gpu import parts
from tests.gpu.__main__ import main
from tests.gpu.jobs import Job, jobs, run


def test_files_go_in_parts_and_come_back(tmp_path):
    (tmp_path / "in").mkdir()
    data = bytes(range(256)) * 10
    (tmp_path / "in" / "large.bin").write_bytes(data)
    (tmp_path / "small.json").write_text("{}")
    (record,) = parts.split(tmp_path, largest=1000)
    assert parts.split(tmp_path, largest=1000) == []
    sizes = {file.name: file.stat().st_size for file in (tmp_path / "in").iterdir()}
    assert max(sizes.values()) <= 1000 and "large.bin" not in sizes and len(sizes) == 4
    third = record.with_name("large.bin.002")
    kept = third.read_bytes()
    third.write_bytes(kept[:-1] + b"x")
    with pytest.raises(ValueError, match="large.bin: a part is not what it was"):
        parts.join(tmp_path)
    third.unlink()
    with pytest.raises(ValueError, match="large.bin.002 missing: bring them all"):
        parts.join(tmp_path)
    third.write_bytes(kept)
    assert parts.join(tmp_path) == [tmp_path / "in" / "large.bin"]
    assert (tmp_path / "in" / "large.bin").read_bytes() == data
    assert len(list((tmp_path / "in").iterdir())) == 1


def test_what_is_done_is_kept_whatever_comes_after(tmp_path):
    write = "import sys; print('hello'); open(sys.argv[1], 'wb').write(bytes(15 << 20))"
    looks = "import json; assert json.load(open({!r}))['jobs'][1]['became'] == 'failed (3)'"
    todo = [
        Job("writes", ["-c", write, str(tmp_path / "large")]),
        Job("fails", ["-c", "raise SystemExit(3)"]),
        Job("hangs", ["-c", "import time; time.sleep(300)"], share=0.02),
        Job("looks", ["-c", looks.format(str(tmp_path / "jobs.json"))]),
    ]
    told = run(todo, tmp_path, minutes=2)
    became = {each["job"]: each["became"] for each in told}
    assert became == {"writes": "done", "fails": "failed (3)", "hangs": "cut", "looks": "done"}
    assert json.loads((tmp_path / "jobs.json").read_text())["jobs"] == told
    assert (tmp_path / "log" / "writes.txt").read_text() == "hello\n"
    assert max(f.stat().st_size for f in tmp_path.rglob("*") if f.is_file()) < 15e6
    assert [each["became"] for each in run(todo, tmp_path, minutes=0)] == ["not begun"] * 4


def test_the_jobs_in_order_of_value(tmp_path, capsys):
    names = [job.name for job in jobs(tmp_path, "STORE")]
    assert names[:4] == ["tests", "operations", "step", "mining"]
    assert names.index("table1") + 1 == names.index("checkpoints") < names.index("figure5")
    assert names.index("figure5") < names.index("feeding") < names.index("table2")
    assert "gap" not in names  # needs stores of its own
    assert "table1" not in [job.name for job in jobs(tmp_path)]
    with pytest.raises(SystemExit):
        main(["--out", str(tmp_path), "--only", "everything"])
    assert "no job everything; there are tests, operations" in capsys.readouterr().err


@pytest.mark.slow
def test_a_whole_turn_on_a_cpu(store, tmp_path):
    out = tmp_path / "out"
    given = ["--out", str(out), "--store", str(store.path), "--schedule", "small"]
    only = ["--only", "tests", "operations", "table1", "checkpoints"]
    main([*given, *only, "--minutes", "30", "--device", "cpu"])
    told = json.loads((out / "jobs.json").read_text())
    assert [each["became"] for each in told["jobs"]] == ["done"] * 4, [
        (file.name, file.read_text()[-2000:]) for file in (out / "log").iterdir()
    ]
    assert (out / "speed" / "operations.cpu.json").exists()
    assert (out / "results" / "table1.toy.small.json").exists()
    files = [file for file in out.rglob("*") if file.is_file()]
    assert max(file.stat().st_size for file in files) < 15e6
    main(["--join", str(out)])
    assert list((out / "checkpoints" / "mcss-one").glob("*.safetensors"))
