"""About what a command takes: from the texts that encoders are going to read, and from the files of the encoders.

What cannot be known before a model is loaded is said, and not guessed.
"""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from embedtune.cgroup import free_memory
from embedtune.config.section import RecipeSection
from embedtune.config.sections.encoder import ModelSection
from embedtune.config.sections.student import STATIC
from embedtune.config.verbs.train import TrainConfig
from embedtune.data.guides.guide_file import is_guide_file
from embedtune.data.look import Reading
from embedtune.errors import ModelError
from embedtune.models.endpoints.address import is_endpoint
from embedtune.models.sources.resolve import resolve
from embedtune.models.speed.declared import LEARNING, DeclaredCost, declared_cost
from embedtune.models.speed.probe import allowed_on_processors
from embedtune.reports.document.wording import memory, roughly

LIBRARIES_BYTES = 700 * 2**20
"""Python with torch, transformers and what they load, before any model."""
STATES = 4
"""While it learns, an encoder has its weights, their gradients and two moments of the optimizer."""
NOT_RETURNED = 1.6
"""A process keeps what trial steps and scoring have freed: runs of MiniLM-L6 and multilingual-e5-small on processors
peaked at 1.4 to 2.1 times their states and activations, besides the libraries."""
CHECKPOINTS = 3 * 3
"""A run keeps up to three, each with the weights and the optimizer's two moments."""


def price(config: RecipeSection, readings: Sequence[Reading], models: Sequence[str] = ()) -> list[str]:
    """About what a command takes, in sentences."""
    sections = [ModelSection(name=name) for name in models] or encoders_of(config)
    if not readings or not sections:
        return ["no encoder reads texts: time and memory are those of reading the data"]
    try:
        read = _run_readings(config, readings) if isinstance(config, TrainConfig) else []
        read = read or [(_cost(section), readings) for section in sections]
    except ModelError as error:
        return [f"time and memory are not foretold: {error.message}"]
    time = "time: on a GPU, only a loaded model shows it; `train` says it at its start"
    if not _has_gpu(config):
        total = sum(seconds(cost, own) for cost, own in read)
        time = f"time: about {roughly(total)} by the size of the encoder, without reading and writing"
    free = free_memory()
    needed = f"memory: about {memory(max(needed_bytes(cost, own) for cost, own in read))}"
    disk = [_disk(read[0][0])] if isinstance(config, TrainConfig) else []
    return [time, f"{needed}; {memory(free)} are free" if free else needed, *disk]


def _run_readings(config: TrainConfig, readings: Sequence[Reading]) -> list[tuple[DeclaredCost, Sequence[Reading]]]:
    """What each encoder of a run reads: that which learns first, one for queries half of the texts, a teacher all once.

    Raises:
        ModelError: as `_cost`.
    """
    learner = _learner(config)
    if config.query_model.given:
        halves = [replace(one, texts=one.texts // 2, together=one.together // 2) for one in readings]
        return [(learner, halves), (_cost(config.query_model), halves)]
    teacher = config.teacher
    if teacher.name is None or is_guide_file(teacher.name) or is_endpoint(teacher.name):
        return [(learner, readings)]
    taught = [replace(readings[0], texts=readings[0].each, learned=False)]
    return [(learner, readings), (_cost(teacher), taught)]


def _learner(config: TrainConfig) -> DeclaredCost:
    """The encoder that learns; a static student has the dimensions of its teacher."""
    if config.model.name != STATIC:
        return _cost(config.model, config.model.layers)
    return DeclaredCost(dimensions=_cost(config.teacher).dimensions)


def _cost(section: ModelSection, layers: int | None = None) -> DeclaredCost:
    """What the files of a model say, of which so many layers are kept.

    Raises:
        ModelError: there is no such model, or its files are not here.
    """
    found = declared_cost(resolve(section), layers)
    if found is None:
        raise ModelError(f"the files of {section.name} are not on this machine")
    lengths = [most for most in (found.most_tokens, section.max_length) if most is not None]
    return replace(found, most_tokens=min(lengths, default=None))


def _disk(cost: DeclaredCost) -> str:
    """What a run takes while it has checkpoints, and when it is done."""
    model = cost.weights_bytes or _starter_bytes(cost)
    most, after = memory(model * (1 + CHECKPOINTS)), memory(model * 1.1)
    return f"disk: up to about {most} while it trains, {after} afterwards"


def seconds(cost: DeclaredCost, readings: Sequence[Reading]) -> float:
    """How long an encoder takes for all that it reads."""
    each = ((LEARNING if one.learned else 1.0) * one.texts * cost.tokens(one.sample) for one in readings)
    return cost.seconds(sum(each))


def needed_bytes(cost: DeclaredCost, readings: Sequence[Reading]) -> int:
    """The memory of libraries, weights in all their states, what a step computes, and vectors that are kept."""
    weights = cost.weights_bytes or _starter_bytes(cost)
    vectors = max(one.kept for one in readings) * cost.dimensions * 4
    if not any(one.learned for one in readings):
        return LIBRARIES_BYTES + weights + vectors
    learning = STATES * weights + activation_bytes(cost, readings)
    return LIBRARIES_BYTES + round(learning * (NOT_RETURNED if cost.products else 1)) + vectors


def activation_bytes(cost: DeclaredCost, readings: Sequence[Reading]) -> int:
    """What the largest training step keeps of its texts for the backward pass, up to what `train` allows itself."""
    kept = (cost.activation_bytes(one.together, one.sample) for one in readings if one.learned)
    return min(max(kept, default=0), allowed_on_processors())


def encoders_of(config: RecipeSection) -> list[ModelSection]:
    """The encoders that a command loads for the texts of its data; guides and rerankers are not among them."""
    if isinstance(getattr(config, "model", None), ModelSection):
        section = config.model  # type: ignore[attr-defined]
        return [] if section.name is None else [section]
    models: Any = getattr(config, "models", None)
    names = [models.old, models.new] if hasattr(models, "old") else getattr(models, "encoders", [])
    return [models.section(name) for name in names if name is not None and not Path(name).is_file()]


def _starter_bytes(cost: DeclaredCost) -> int:
    """A starter has up to 30,000 tokens."""
    return 30_000 * cost.dimensions * 4


def _has_gpu(config: RecipeSection) -> bool:
    """Whether a GPU would do the work, without loading torch."""
    sections = (getattr(config, name) for name in type(config).model_fields)
    device = next((one.device for one in sections if hasattr(one, "device")), "auto")
    return device != "cpu" and os.path.exists("/proc/driver/nvidia/version")  # noqa: PTH110
