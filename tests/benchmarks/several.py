"""Several trainings on one GPU, each a process of its own, as `--workers` of the experiments starts
them: how many steps a second all make together.
"""

import subprocess
import sys

from .stores import store
from .timing import Row

TOGETHER, STEPS, WARM = 8, 600, 150
TRAINING = """
import sys, time, torch
from mcss.data import open_store
from mcss.training import TrainingConfig, train

torch.set_num_threads(2)
steps, warm, clock = int(sys.argv[2]), int(sys.argv[3]), {}
def tick(done, model):
    clock[done] = time.perf_counter()
config = TrainingConfig(epochs=steps // 3, checkpoint_every=warm)
train(open_store(sys.argv[1]), config, progress=False, watch=tick)
print((steps - warm) / (clock[steps] - clock[warm]))
"""


def rows(device, rounds):
    """Of a GPU only."""
    if device != "cuda":
        return
    for count in (1, TOGETHER):
        command = [sys.executable, "-c", TRAINING, str(store(128).path), str(STEPS), str(WARM)]
        started = [
            subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(count)
        ]
        speeds = [float(each.communicate()[0].split()[-1]) for each in started]
        yield Row(
            "trainings at once, 128 px",
            count,
            "processes",
            {},
            target=300 if count == TOGETHER else None,
            value=sum(speeds),
            unit="steps a second",
            note=f"{min(speeds):.3g} to {max(speeds):.3g} each; some end before the others",
        )
