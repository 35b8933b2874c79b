"""The engine of a command, as `encode` and `encode_to_file` use it: blocks of texts in, their vectors out."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any, TypeVar

import numpy as np

from embedtune.config.sections.encoder import ModelSection
from embedtune.models.encode.compute import Spread, suited_batch_tokens
from embedtune.models.encoder import Encoder, Role
from embedtune.workflows.shared.engine.local import in_processes
from embedtune.workflows.shared.engine.naming import HERE, LOCAL, EngineName, engine_named
from embedtune.workflows.shared.engine.ray_cluster import on_ray
from embedtune.workflows.shared.engine.shards import EncoderOrder, encode_shard

Job = TypeVar("Job")


@dataclass(frozen=True)
class Spreading:
    """Where the texts of a command are encoded.

    Args:
        engine: its name.
        section: that the encoder was loaded from.
        device: as the user named it.
    """

    engine: str
    section: ModelSection
    device: str

    def of(self, encoder: Encoder, role: Role) -> Spread | None:
        """How the blocks of texts in this role are encoded; None: in this process.

        The workers' encoder must equal this one.

        Raises:
            ConfigError: there is no such engine.
        """
        name = engine_named(self.engine)
        return None if name.kind == HERE else _spread(name, self._order(name, encoder, role))

    def _order(self, name: EngineName, encoder: Encoder, role: Role) -> dict[str, Any]:
        import torch

        threads = torch.get_num_threads()
        return EncoderOrder(
            section=self.section,
            device=self.device,
            products=encoder.products,
            role=role,
            fingerprint=encoder.fingerprint(),
            batch_tokens=suited_batch_tokens(encoder),
            threads=max(1, threads // name.workers) if name.kind == LOCAL else threads,
        ).plain()


def _spread(name: EngineName, order: dict[str, Any]) -> Spread:
    def spread(jobs: Iterable[Job], texts_of: Callable[[Job], list[str]], /) -> Iterator[tuple[Job, np.ndarray | None]]:
        def asked(job: Job) -> tuple[Any, ...] | None:
            texts = texts_of(job)
            return (order, texts) if texts else None

        return spread_over(name, encode_shard, jobs, asked)

    return spread


def spread_over(
    name: EngineName,
    act: Callable[..., Any],
    jobs: Iterable[Job],
    asked: Callable[[Job], tuple[Any, ...] | None],
) -> Iterator[tuple[Job, Any]]:
    """Jobs with what the workers of an engine made of them, in the order of the jobs.

    Args:
        name: of an engine other than this process.
        act: a function of a module; its last argument is the number of a worker, from 0.
        jobs: taken as needed.
        asked: the other arguments for a job, plain data; None where there is nothing to do, which gives None.
    """
    numbers = count()

    def message(job: Job) -> tuple[Any, ...] | None:
        given = asked(job)
        return None if given is None else (*given, next(numbers) % name.workers)

    if name.kind == LOCAL:
        return in_processes(name.workers, act, jobs, message)
    return on_ray(name.address, act, jobs, message)
