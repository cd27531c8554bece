"""What very large data would meet, simulated as far as this machine goes: many clips, many
processes, a gallery too large for exact search.
"""

import subprocess
import sys
import tempfile
import time

import faiss
import torch
from torch.nn.functional import normalize

from mcss.data import StoreWriter, open_store
from mcss.fast.neighbours import nearest

from .stores import store
from .timing import Row, extra_memory, interleaved, row

K, QUERIES = 10, 1000
PARALLEL = """
import sys, time, torch
from torch import distributed
from mcss.data import open_store
from mcss.training import TrainingConfig, train

torch.set_num_threads(1)
ranks = int(sys.argv[2])
if ranks > 1:
    distributed.init_process_group("gloo")
clock = []
config = TrainingConfig(pairs=33 * ranks, labelled=11 * ranks, epochs=4, checkpoint_every=3)
def tick(done, model):
    clock.append((done, time.perf_counter()))
train(open_store(sys.argv[1]), config, device="cpu", progress=False, watch=tick)
if clock:
    print((clock[-1][1] - clock[1][1]) / (clock[-1][0] - clock[1][0]))
"""


def motion(n, seed=0):
    """n unit embeddings `(n, 128)` of people in motion: smooth in eight latent factors, which 64
    made-up waves turn into 128 numbers, with noise.
    """
    generator = torch.Generator().manual_seed(seed)
    latent = torch.randn(n, 8, generator=generator)
    waves = torch.randn(8, 64, generator=torch.Generator().manual_seed(99)) * 0.8
    phase = latent @ waves
    return normalize(
        torch.cat((phase.sin(), phase.cos()), 1) + 0.05 * torch.randn(n, 128, generator=generator),
        dim=1,
    )


def many_clips(n):
    """Seconds to open a store of n clips, and what it takes in memory, in bytes."""
    image = store(64).encoded("S1", 0, 0)[0].numpy().tobytes()
    with tempfile.TemporaryDirectory() as folder:
        with StoreWriter(
            folder,
            name="many",
            licence="CC0",
            source="",
            recipe={},
            fps=10,
            image_size=64,
            views=["a", "b"],
        ) as writer:
            for k in range(n):
                frame = {"pose": None, "images": [image, image], "crops": [[0, 0, 64]] * 2}
                writer.add(f"S{k // 50}", f"clip{k}", "walks", [frame])
            writer.finish(
                {
                    "train": {
                        "subjects": [f"S{k}" for k in range(-(-n // 50))],
                        "views": None,
                        "frames": None,
                    }
                }
            )
        opened = []
        memory = extra_memory(lambda: opened.append(open_store(folder)), "cpu")
        return interleaved({"ours": lambda: open_store(folder)}, 3), memory


def in_parallel(ranks):
    """Seconds of a step of 77 images a process, each on one thread."""
    command = (
        [
            sys.executable,
            "-m",
            "torch.distributed.run",
            "--standalone",
            "--nproc-per-node",
            str(ranks),
        ]
        if ranks > 1
        else [sys.executable]
    )
    with tempfile.NamedTemporaryFile("w", suffix=".py") as script:
        script.write(PARALLEL)
        script.flush()
        done = subprocess.run(
            [*command, script.name, str(store(64).path), str(ranks)],
            capture_output=True,
            text=True,
            check=True,
        )
    return float(done.stdout.split()[-1])


def rows(device, rounds):
    """On a CPU, whatever the device: other devices have no row of these."""
    if device != "cpu":
        return
    for n in (250, 1000, 4000):
        seconds, memory = many_clips(n)
        yield row("opening a store", n, "clips", seconds, note=f"{memory / 1e6:.1f} MB")
    one, two = in_parallel(1), in_parallel(2)
    yield Row(
        "a step of 77 images a process, one thread each",
        2,
        "processes",
        {"two": two, "one": one},
        False,
        [two / one] * 3,
        note="45 MB of gradients are averaged after each step, on one machine",
    )
    queries = motion(QUERIES, seed=1)
    for n in (25_000, 100_000, 400_000, 1_600_000):
        gallery = motion(n)
        cells = int(4 * n**0.5)
        index = faiss.index_factory(128, f"IVF{cells},PQ16")
        start = time.perf_counter()
        index.train(gallery[: 40 * cells].numpy())
        index.add(gallery.numpy())
        built = time.perf_counter() - start
        index.nprobe = 32
        yield row("building the index", n, "embeddings", {"faiss IVF-PQ": [built]})

        def approximate():
            """A short list by the index, then exact distances to those on it."""
            listed = torch.from_numpy(index.search(queries.numpy(), 10 * K)[1]).clamp_min(0)
            closest = (
                (gallery[listed] - queries[:, None]).norm(dim=2).topk(K, largest=False).indices
            )
            return listed.gather(1, closest)

        truth, found = nearest(queries, gallery, K)[1], approximate()
        recall = (found[:, :, None] == truth[:, None]).any(2).float().mean().item()
        yield row(
            "approximate search",
            n,
            "embeddings",
            interleaved(
                {"faiss IVF-PQ": approximate, "exact": lambda: nearest(queries, gallery, K)}, rounds
            ),
            "exact",
            value=recall,
            unit=f"of the {K} nearest found",
            note=(
                f"{QUERIES} queries; {index.code_size + 8} bytes an embedding; {cells} cells,"
                f" {index.nprobe} looked into"
            ),
        )
