"""A training step as one CUDA graph: a GPU is done with a step long before Python has
launched its few hundred operations one by one.
"""

import warnings
from collections import Counter

import torch

#: Steps of each size of batch that are launched before one is recorded, so that memory
#: is there and libraries have chosen their kernels.
WARM = 3
#: Graphs at most; batches of further sizes are launched.
MOST = 16


def launched_because(device, precision, world, compiled=False):
    """Why a step is launched operation by operation; None where it can be replayed."""
    if torch.device(device).type != "cuda":
        return "there is no GPU"
    if precision == "float16":
        return "float16 looks at its gradients"
    if world > 1:
        return "several processes share it"
    if compiled:
        return "torch.compile was asked for"
    return None


class Replayed:
    """`step(batch)`, the first times of each size launched, then recorded as a graph
    and replayed: the same operations, and the same numbers.

    step: from a `mcss.feeding.Batch` to a tensor; it reads no number off the device,
    and whatever else changes from step to step (weights, the optimizer's state, the
    learning rate) is a tensor that stays where it is.
    by_group: the step also depends on how many pairs each subject has.
    recorder: a `Recorder`; tests without a GPU give another.
    """

    def __init__(self, step, by_group=False, recorder=None):
        self.step, self.by_group = step, by_group
        self.recorder = recorder or Recorder()
        self.launched, self.replayed = 0, 0  #: steps
        self.broken = False  #: whether a step could not be recorded
        self._seen, self._graphs = Counter(), {}

    def __call__(self, batch):
        size = self._size_of(batch)
        if size not in self._graphs:
            self._seen[size] += 1
            known = self._seen[size] > WARM and len(self._graphs) < MOST
            if self.broken or not known or not self._record(size, batch):
                self.launched += 1
                return self.recorder.launch(lambda: self.step(batch))
        replay, given, result = self._graphs[size]
        given.images.copy_(batch.images)
        if batch.targets is not None:
            given.targets.copy_(batch.targets)
        replay()
        self.replayed += 1
        return result.clone()  # the next replay overwrites it

    def _size_of(self, batch):
        """All of a batch that decides which operations its step is made of."""
        groups = tuple(batch.groups) if self.by_group else ()
        return batch.images.shape, batch.pairs, groups, batch.targets is None

    def _record(self, size, batch):
        """Keeps (replay, the batch it reads, its result); whether that went well."""
        targets = None if batch.targets is None else batch.targets.clone()
        given = batch._replace(images=batch.images.clone(), targets=targets)
        try:
            replay, result = self.recorder.record(lambda: self.step(given))
        except RuntimeError as error:
            self.broken = True
            warnings.warn(
                "a training step cannot be replayed as a graph, so it is launched"
                f" operation by operation ({str(error).strip().splitlines()[0]})",
                RuntimeWarning,
                stacklevel=3,
            )
            return False
        self._graphs[size] = replay, given, result
        return True


class Recorder:
    """Launches on a stream of its own, as recording asks for, and records there."""

    def __init__(self, device=None):
        self.stream = torch.cuda.Stream(device)
        # shared: no graph needs what another one left, but weights and results
        self.pool = torch.cuda.graph_pool_handle()

    def launch(self, work):
        """`work()`."""
        current = torch.cuda.current_stream(self.stream.device)
        self.stream.wait_stream(current)
        with torch.cuda.stream(self.stream):
            result = work()
        current.wait_stream(self.stream)
        return result

    def record(self, work):
        """(a function that does it again, what it returned): `work()` is recorded, and
        not done.
        """
        graph, current = torch.cuda.CUDAGraph(), torch.cuda.current_stream()
        try:
            # other threads may go on with what a recording thread must not do
            with torch.cuda.graph(
                graph, self.pool, self.stream, capture_error_mode="thread_local"
            ):
                result = work()
        except RuntimeError:
            torch.cuda.set_stream(current)  # a recording that failed stays on its own
            raise
        return graph.replay, result
