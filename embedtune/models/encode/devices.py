"""Distributes batches over copies of an encoder on several devices, one thread each; results come in order."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import TypeVar

from embedtune.models.encoder import Encoder
from embedtune.models.speed.precision import multiplying

Job = TypeVar("Job")
Result = TypeVar("Result")
AHEAD = 2
"""Batches queued per device, so that none waits for the thread that takes the results."""


def distribute(
    encoder: Encoder, jobs: Iterable[Job], act: Callable[[Encoder, Job], Result]
) -> Iterator[tuple[Job, Result]]:
    """Jobs with their results, in the order of the jobs, whichever device did them.

    An error or an interruption ends everything: jobs not yet begun are dropped. Threads, not processes, because Python
    is free for the others while a device computes, and errors arrive as they were raised.

    Args:
        encoder: copies of it run on its `helpers`; without helpers, jobs run one by one in this thread.
        jobs: taken as needed.
        act: does one job.
    """
    if not encoder.helpers:
        for job in jobs:
            yield job, act(encoder, job)
        return
    idle: SimpleQueue[Encoder] = SimpleQueue()
    for one in (encoder, *map(encoder.on, encoder.helpers)):
        idle.put(one)

    def work(job: Job) -> Result:
        one = idle.get()
        try:
            with multiplying(one.products, str(one.model.device)):  # autocast is per thread
                return act(one, job)
        finally:
            idle.put(one)

    pool = ThreadPoolExecutor(1 + len(encoder.helpers), thread_name_prefix="encode")
    running: deque[tuple[Job, Future[Result]]] = deque()
    try:
        for job in jobs:
            running.append((job, pool.submit(work, job)))
            if len(running) > AHEAD * (1 + len(encoder.helpers)):
                yield _next(running)
        while running:
            yield _next(running)
    finally:
        pool.shutdown(cancel_futures=True)


def _next(running: deque[tuple[Job, Future[Result]]]) -> tuple[Job, Result]:
    job, future = running.popleft()
    return job, future.result()
