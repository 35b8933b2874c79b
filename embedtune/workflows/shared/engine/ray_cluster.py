"""Shards on a Ray cluster (extra `embedtune[ray]`): tasks whose processes keep the encoder that they loaded.

Ray sends a lost worker's task to another one. Works with `ray start --head` on one machine, and without it: Ray then
starts on this machine for the time of the command.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from embedtune.errors import ConfigError, EmbedtuneError, StoppedError, reason_of

Job = TypeVar("Job")
AHEAD = 2
RETRIES = 5
"""Times that a task of a lost worker is done again."""


def on_ray(
    address: str | None,
    act: Callable[..., Any],
    jobs: Iterable[Job],
    message: Callable[[Job], tuple[Any, ...] | None],
) -> Iterator[tuple[Job, Any]]:
    """Jobs with their results, in the order of the jobs; arguments as of `in_processes`.

    Raises:
        ConfigError: the cluster cannot be reached.
        StoppedError: workers are lost again and again.
    """
    import ray

    _connect(ray, address)
    resources = ray.cluster_resources()
    gpus = int(resources.get("GPU", 0))
    workers = gpus or max(1, int(resources.get("CPU", 1)))
    task = ray.remote(num_cpus=1, num_gpus=1 if gpus else 0, max_retries=RETRIES)(act)
    sent: deque[tuple[Job, Any]] = deque()
    try:
        for job in jobs:
            asked = message(job)
            sent.append((job, None if asked is None else task.remote(*asked)))
            if len(sent) > AHEAD * workers:
                yield _next(ray, sent)
        while sent:
            yield _next(ray, sent)
    finally:
        for _, reference in sent:
            if reference is not None:
                ray.cancel(reference, force=True)


def _connect(ray: Any, address: str | None) -> None:
    if ray.is_initialized():
        return
    try:
        ray.init(address=address, log_to_driver=False, include_dashboard=False, logging_level="ERROR")
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise ConfigError(
            f"the Ray cluster {address or 'of this machine'} cannot be reached: {reason_of(error)}",
            where="--engine",
            next="start it with `ray start --head`, or use --engine local:N; where the cluster asks for a token, set "
            "RAY_AUTH_MODE=token here too",
        ) from error


def _next(ray: Any, sent: "deque[tuple[Job, Any]]") -> tuple[Job, Any]:
    job, reference = sent.popleft()
    try:
        return job, None if reference is None else ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        cause = error.as_instanceof_cause()
        raise (cause if isinstance(cause, EmbedtuneError) else error) from error
    except ray.exceptions.WorkerCrashedError as error:
        raise StoppedError(
            f"workers of the cluster ended {RETRIES + 1} times with the same part of the work",
            where="--engine",
            next="most often the memory does not suffice; the same command resumes what is done",
        ) from error
