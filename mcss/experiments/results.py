"""The JSON file of a finished experiment: how it is written, read and summarised.

One file an experiment, store and schedule: `table1.sample.small.json`. Its keys:

format, version        "mcss-result", VERSION
experiment, title      its name and title in the catalogue
command                what makes it again
schedule, seeds        the schedule's name; the seeds
stores                 by role: name, recipe_hash, images, image_size, licence, source
rows                   a list, see below
commit, hardware, versions, finished    of this file
seconds                that all its trainings took together

A row holds label, training, on (the store's role), split, config (of the first seed),
trained (by seed: seconds, steps, ranks, commit, hardware, finished) and values: by
quantity {per_seed, mean, interval}, numbers or lists of numbers. interval is the 95%
interval of the mean over seeds (Student's t), null for one seed. Examples have `shown`
instead of values.
"""

import json
import math
import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
from scipy import stats

from .. import __version__
from ..engine.machine import cores, default_device
from ..store.files import write_json

FORMAT, VERSION = "mcss-result", 1
# fmt: off
KEYS = {
    "experiment", "title", "command", "schedule", "seeds", "stores", "rows",
    "commit", "hardware", "versions", "finished", "seconds",
}
# fmt: on


def summary(per_seed):
    """{per_seed, mean, interval} of a quantity over the seeds.

    per_seed: a number a seed, or a list of numbers a seed, all of one length (else
    `ValueError`), which are summarised one by one. Mean and interval are None where
    a seed has None.
    """
    if isinstance(per_seed[0], (list, tuple)):
        if len({len(values) for values in per_seed}) > 1:
            raise ValueError("the seeds of one quantity differ in length")
        parts = [summary(list(values)) for values in zip(*per_seed)]
        several = len(per_seed) > 1
        return {
            "per_seed": [list(values) for values in per_seed],
            "mean": [part["mean"] for part in parts],
            "interval": [part["interval"] for part in parts] if several else None,
        }
    if any(value is None for value in per_seed):
        return {"per_seed": per_seed, "mean": None, "interval": None}
    return {
        "per_seed": per_seed,
        "mean": float(np.mean(per_seed)),
        "interval": interval_of_mean(per_seed),
    }


def interval_of_mean(values):
    """[low, high], the 95% interval of the mean by Student's t; None for fewer than two
    values.
    """
    n = len(values)
    if n < 2:
        return None
    half = stats.t.ppf(0.975, n - 1) * np.std(values, ddof=1) / math.sqrt(n)
    return [float(np.mean(values) - half), float(np.mean(values) + half)]


def rounded(value, digits=4):
    """A JSON value with all its floats rounded. Raises `ValueError` for NaN and
    infinity.
    """
    if isinstance(value, dict):
        return {key: rounded(item, digits) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(item, digits) for item in value]
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError("a result is NaN or infinite: the training diverged")
        return round(value, digits)
    return value


def result_path(folder, experiment, store, schedule):
    """The file of a result. store: the main one's name, None for no store."""
    of = f"{store}.{schedule}" if store else "device"
    return Path(folder) / f"{experiment}.{of}.json"


def write_result(folder, result):
    """Writes a result, whole or not at all, into `folder`; returns its path.

    result: a dict with all of KEYS. Raises `ValueError` if one is missing, and for NaN.
    """
    missing = KEYS - result.keys()
    if missing:
        raise ValueError(f"a result lacks {', '.join(sorted(missing))}")
    main = result["stores"].get("main", {}).get("name")
    path = result_path(folder, result["experiment"], main, result["schedule"])
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, {"format": FORMAT, "version": VERSION, **rounded(result)})
    return path


def read_result(path):
    """A result as a dict. Raises `ValueError` naming the file and the remedy if it is
    damaged or of another version.
    """
    path = Path(path)
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
        if result["format"] != FORMAT:
            raise ValueError("another format")
        if result["version"] != VERSION:
            raise ValueError(
                f"version {result['version']}, this package reads {VERSION}"
            )
        missing = KEYS - result.keys()
        if missing:
            raise ValueError(f"it lacks {', '.join(sorted(missing))}")
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path} is not a result of this package ({error}): delete it and run the"
            " experiment again"
        ) from None
    return result


def read_results(folder, store, schedule):
    """The results of one store and schedule, and those that need no store, by
    experiment: `{name: result}`.
    """
    paths = [
        *sorted(Path(folder).glob(f"*.{store}.{schedule}.json")),
        *sorted(Path(folder).glob("*.device.json")),
    ]
    return {result["experiment"]: result for result in map(read_result, paths)}


def provenance(device=None):
    """What a number needs to be traced: a dict of commit, hardware, finished (now),
    versions.
    """
    return {
        "commit": commit(),
        "hardware": hardware(device),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {
            "mcss": __version__,
            "python": platform.python_version(),
            "torch": torch.__version__,
        },
    }


def commit():
    """The commit of the checkout this package lies in, '+changes' after it if files
    differ; outside a checkout what the environment's MCSS_COMMIT says, or 'unknown'.
    """

    def git(*arguments):
        here = Path(__file__).parent
        done = subprocess.run(
            ("git", *arguments), cwd=here, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    status = ("status", "--porcelain", "--untracked-files=no", "--")
    try:
        changed = git(*status, "../../mcss", "../../data_scripts")
        return git("rev-parse", "--short=12", "HEAD") + ("+changes" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return os.environ.get("MCSS_COMMIT") or "unknown"


def hardware(device=None):
    """The processors of a device, 'cpu' or 'cuda'; None: of the default one."""
    if (device or default_device()) == "cuda":
        return f"{torch.cuda.device_count()} x {torch.cuda.get_device_name()}"
    names = [line for line in _cpuinfo() if line.startswith("model name")]
    name = names[0].split(":")[1].strip() if names else ""
    return f"{cores()} CPU cores ({name or platform.processor() or platform.machine()})"


def _cpuinfo():
    try:
        return Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return []
