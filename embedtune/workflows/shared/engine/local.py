"""Shards in several processes of this machine, by Python's own pool; a lost worker's shards are done again.

Workers are spawned, so a script that calls `embedtune.encode(engine="local:4")` needs `if __name__ == "__main__":`.
"""

import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing import get_context
from typing import Any, TypeVar

from embedtune.errors import StoppedError

Job = TypeVar("Job")
Message = tuple[Any, ...] | None
Answer = Future[Any] | None
AHEAD = 2
"""Shards per worker that are sent before the first of them is back: enough that none waits, and no more in memory."""
MOST_LOST = 5
"""Times in a row that workers may be lost while the same shard is waited for."""


def in_processes(
    workers: int, act: Callable[..., Any], jobs: Iterable[Job], message: Callable[[Job], Message]
) -> Iterator[tuple[Job, Any]]:
    """Jobs with their results, in the order of the jobs, whichever process did them.

    Args:
        workers: processes.
        act: a function of a module, which does the work of a message.
        jobs: taken as needed.
        message: the plain data that a worker needs for a job; None where there is nothing to do, which gives None.

    Raises:
        StoppedError: workers are lost again and again.
    """
    remaining, lost = iter(jobs), 0
    sent: deque[tuple[Job, Message, Answer]] = deque()
    pool = _pool(workers)  # its processes start with the first shard
    try:
        while True:
            for job in islice(remaining, AHEAD * workers - len(sent)):
                asked = message(job)
                sent.append((job, asked, _submitted(pool, act, asked)))
            if not sent:
                return
            job, _, future = sent[0]
            try:
                result = None if future is None else future.result()
            except BrokenProcessPool as error:
                lost += 1
                if lost > MOST_LOST:
                    raise _too_many() from error
                pool.shutdown(cancel_futures=True)
                pool = _pool(workers)
                sent = deque((one, asked, _kept(future, pool, act, asked)) for one, asked, future in sent)
                continue
            sent.popleft()
            lost = 0
            yield job, result
    finally:
        pool.shutdown(cancel_futures=True)


def _pool(workers: int) -> ProcessPoolExecutor:
    # Not forked: a process with torch's threads in it cannot be.
    return ProcessPoolExecutor(workers, get_context("spawn"), _begin, (os.getpid(),))


def _submitted(pool: ProcessPoolExecutor, act: Callable[..., Any], asked: Message) -> Answer:
    """The future of a message; one that has failed where the pool broke in the meantime."""
    if asked is None:
        return None
    try:
        return pool.submit(act, *asked)
    except BrokenProcessPool as error:
        failed: Future[Any] = Future()
        failed.set_exception(error)
        return failed


def _kept(future: Answer, pool: ProcessPoolExecutor, act: Callable[..., Any], asked: Message) -> Answer:
    """What a shard has already, or its work once more in a new pool."""
    if future is not None and future.done() and not isinstance(future.exception(), BrokenProcessPool):
        return future
    return _submitted(pool, act, asked)


def _begin(parent: int) -> None:
    """Leave Ctrl-C to the parent, and end when it does, however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _too_many() -> StoppedError:
    return StoppedError(
        f"worker processes ended {MOST_LOST + 1} times in a row with the same part of the work",
        where="--engine",
        next="most often the memory does not suffice: use fewer workers; the same command resumes what is done",
    )
