"""Encoding by several processes of one training run: each takes a share of the batches, and all get all vectors.

Whole batches are shared out, as one process would make them, so the vectors are those of one process to the last bit.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

import numpy as np
import torch

from embedtune.distributed import from_all, rank, ranks, totals

Job = TypeVar("Job")
PER_ROUND = 4
"""Batches that each process computes between two exchanges."""


def in_shares(
    jobs: Iterable[Job], size: Callable[[Job], int], dimensions: int, act: Callable[[Job], np.ndarray]
) -> Iterator[tuple[Job, np.ndarray]]:
    """Jobs with their vectors, in the order of the jobs, whichever process did them.

    Args:
        jobs: the same in every process.
        size: how many vectors a job gives.
        dimensions: of a vector.
        act: does one job: float32 (size, D).
    """
    remaining = iter(jobs)
    while together := list(islice(remaining, PER_ROUND * ranks())):
        owners = [number * ranks() // len(together) for number in range(len(together))]
        own = [act(job) for job, owner in zip(together, owners, strict=True) if owner == rank()]
        rows = [
            sum(size(job) for job, one in zip(together, owners, strict=True) if one == who) for who in range(ranks())
        ]
        block = np.zeros((max(rows), dimensions), dtype=np.float32)  # (b, D)
        if own:
            block[: rows[rank()]] = np.concatenate(own)
        blocks = [found.numpy() for found in from_all(torch.from_numpy(block))]
        taken = [0] * ranks()
        for job, owner in zip(together, owners, strict=True):
            start, taken[owner] = taken[owner], taken[owner] + size(job)
            yield job, blocks[owner][start : taken[owner]]


def missing_anywhere(missing: Sequence[int], count: int) -> Sequence[int]:
    """Positions, of so many texts, whose vectors any process lacks: stores of several machines may differ.

    >>> missing_anywhere([2, 5], 6)
    [2, 5]
    """
    if ranks() == 1:
        return missing
    lacks = np.zeros(count)  # (n,)
    lacks[np.asarray(missing, dtype=np.int64)] = 1
    return [int(place) for place in np.flatnonzero(totals(lacks.tolist()))]
