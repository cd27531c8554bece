"""The k nearest of many embeddings, against faiss's exact index."""

import faiss
import torch
from torch.nn.functional import normalize

from mcss.fast.neighbours import nearest

from .timing import interleaved, row

K, QUERIES, LARGEST = 20, 512, 1_000_000


def rows(device, rounds):
    generator = torch.Generator().manual_seed(0)
    gallery = normalize(torch.randn(LARGEST, 128, generator=generator), dim=1)
    queries = normalize(torch.randn(QUERIES, 128, generator=generator), dim=1)
    faiss.omp_set_num_threads(torch.get_num_threads())
    for n in (10_000, 100_000, LARGEST):
        index = faiss.IndexFlatL2(128)
        if torch.device(device).type == "cuda" and hasattr(faiss, "StandardGpuResources"):
            index = faiss.index_cpu_to_gpu(faiss.StandardGpuResources(), 0, index)
        index.add(gallery[:n].numpy())
        mine, asked = gallery[:n].to(device), queries.to(device)
        found, expected = (
            nearest(asked, mine, K)[1].cpu(),
            torch.from_numpy(index.search(queries.numpy(), K)[1]),
        )
        same = (found.sort(1).values == expected.sort(1).values).float().mean().item()
        seconds = interleaved(
            {
                "ours": lambda: nearest(asked, mine, K),
                "faiss IndexFlatL2": lambda: index.search(queries.numpy(), K),
            },
            rounds,
        )
        yield row(
            f"{K} nearest for {QUERIES} queries",
            n,
            "embeddings",
            seconds,
            "faiss IndexFlatL2",
            target=(
                1 if n == LARGEST and (device == "cpu" or "Gpu" in type(index).__name__) else None
            ),
            note=f"{same:.2%} of the neighbours the same; faiss {type(index).__name__}",
        )
