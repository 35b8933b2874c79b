"""What `--dry-run` says: the data are read, no model is loaded, and time, memory and disk are foretold roughly.

Two sources: the data, which are read as the command would read them, and the files of the encoder, which say how much
it multiplies. What cannot be known before a model is loaded is said, and not guessed.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from embedtune.cgroup import free_memory
from embedtune.config.encoder import ModelSection
from embedtune.config.section import RecipeSection
from embedtune.config.spaces import EncodersSection
from embedtune.config.verbs.cluster import ClusterConfig
from embedtune.config.verbs.export import ExportConfig
from embedtune.config.verbs.merge import MergeConfig
from embedtune.config.verbs.train import DataSection, TrainConfig
from embedtune.config.verbs.tune import TuneConfig
from embedtune.data.look import Look, Reading, look, look_at_training, read_judged_set, reading
from embedtune.data.prepare import prepare
from embedtune.data.sources.judged_source import read_judged
from embedtune.data.sources.reading.unchanged import declare_encoding, unchanged_inputs
from embedtune.data.sources.source import open_source
from embedtune.data.sources.texts import TextStream
from embedtune.errors import DataError, ModelError
from embedtune.findings import counted
from embedtune.models.files.resolve import resolve
from embedtune.models.speed.declared import LEARNING, DeclaredCost, declared_cost
from embedtune.reports.document.wording import memory, roughly
from embedtune.workflows.shared.spaces.texts import read_space_texts
from embedtune.workflows.shared.talk import Talk, tell_findings

LIBRARIES_BYTES = 700 * 2**20
"""Python with torch, transformers and what they load, before any model."""
STATES = 4
"""While it learns, an encoder has its weights, their gradients and two moments of the optimizer."""
CHECKPOINTS = 3 * 3
"""A run keeps up to three, each with the weights and the optimizer's two moments."""
ALPHAS = 11
SAMPLES = "samples"


def foresee(config: RecipeSection, talk: Talk, models: Sequence[str] = ()) -> None:
    """Read the data of a command, and say what it holds and what the command would take.

    Args:
        config: of the verb.
        talk: receives the sentences.
        models: encoders that are arguments of the command, and not in its configuration.

    Raises:
        DataError: the command could not use the data.
        ConfigError: an option does not fit the data.
    """
    with unchanged_inputs():
        declare_encoding(getattr(getattr(config, "data", None), "encoding", None))
        seen = _look(config)
    for sentence in seen.described:
        talk.say(sentence)
    tell_findings(talk, seen.findings)
    for sentence in price(config, seen.readings, models):
        talk.say(sentence)


def _look(config: RecipeSection) -> Look:
    """The data of a verb, also of those that only workflows know how to read."""
    if isinstance(config, TuneConfig):
        found = look_at_training(config.recipe)
        budget = f"--budget {config.tune.budget} decides how long the race takes; a full run of the default recipe:"
        return Look((*found.described, budget), found.findings, found.readings)
    if isinstance(config, ClusterConfig):
        return _texts(config.data.source, config.data.column, has_vectors=config.data.vectors is not None)
    if isinstance(config, MergeConfig):
        return _merged(config)
    if isinstance(config, ExportConfig):
        return _spaces(config.data.source or SAMPLES, config.data.columns, config.run.seed, times=2)
    if hasattr(config, "models") and isinstance(config.models, EncodersSection):
        return _spaces(config.data.source, config.data.columns, config.run.seed, times=1)  # type: ignore[attr-defined]
    return look(config)


def _texts(source: str, column: str | None, *, has_vectors: bool) -> Look:
    """Texts to cluster; of series, and of nodes that only links describe, the rows."""
    opened = open_source(source)
    try:
        texts = [one.text for one in TextStream(source, column) if one.text]
    except DataError:
        if column is not None:
            raise
        rows = sum(1 for table in opened.document_tables() for _ in table.records)
        return Look((f"{opened.what}: {counted(rows, 'row')} to cluster, which no encoder reads",))
    said = f"{counted(len(texts), 'text')} to cluster"
    return Look((said,), (), () if has_vectors else (reading(dict.fromkeys(texts)),))


def _merged(config: MergeConfig) -> Look:
    """Dev queries for each mixture that is tried, and test queries for the first model and the mixture."""
    source = config.data.source
    if source is None:
        return Look(("no --data: the mixture is not measured",))
    opened = open_source(source)
    if opened.splits and opened.find("train") is None:
        read = read_judged(source, "test", config.data.columns, seed=config.run.seed)
        return Look(read.described, read.findings, read_judged_set(read.judged, ALPHAS))
    data = prepare(DataSection(source=source, columns=config.data.columns), config.run.seed, source=opened)
    readings = (*read_judged_set(data.dev, ALPHAS), *read_judged_set(data.test, 2))
    return Look(data.described, data.findings, readings)


def _spaces(source: str, columns: dict[str, str], seed: int, *, times: int) -> Look:
    """Judged queries over documents, and others to learn from."""
    found = read_space_texts(source, columns, seed=seed)
    others = (reading([*found.documents, *found.queries]),) if found.documents or found.queries else ()
    return Look(found.described, found.findings, (*read_judged_set(found.judged, times), *others))


def price(config: RecipeSection, readings: Sequence[Reading], models: Sequence[str] = ()) -> list[str]:
    """About what a command takes, in sentences; empty where no encoder reads anything."""
    if not readings:
        return []
    costs, said = list[DeclaredCost](), list[str]()
    for section in [ModelSection(name=name) for name in models] or encoders_of(config):
        try:
            cost = declared_cost(resolve(section))
        except ModelError as error:
            return [f"time and memory are not foretold: {error.message}"]
        if cost is None:
            return [f"time and memory are not foretold: the files of {section.name} are not on this machine"]
        costs.append(cost)
    if not costs:
        return []
    memory_bytes = max(needed_bytes(cost, readings) for cost in costs)
    if _has_gpu(config):
        said.append("time: this machine has a GPU, whose speed only a loaded model shows; `train` says it at its start")
    else:
        total = sum(seconds(cost, readings) for cost in costs)
        said.append(f"time: about {roughly(total)} by the size of the encoder, without reading and writing")
    free = free_memory()
    left = f"; {memory(free)} are free" if free else ""
    said.append(f"memory: about {memory(memory_bytes)}{left}")
    if isinstance(config, TrainConfig):
        model = costs[0].weights_bytes or _starter_bytes(costs[0])
        most, after = memory(model * (1 + CHECKPOINTS)), memory(model * 1.1)
        said.append(f"disk: up to about {most} while it trains, {after} afterwards")
    return said


def seconds(cost: DeclaredCost, readings: Sequence[Reading]) -> float:
    """How long an encoder takes for all that it reads."""
    each = ((LEARNING if one.learned else 1.0) * one.texts * cost.tokens(one.sample) for one in readings)
    return cost.seconds(sum(each))


def needed_bytes(cost: DeclaredCost, readings: Sequence[Reading]) -> int:
    """The memory of libraries, weights in all their states, and vectors that are kept."""
    states = STATES if any(one.learned for one in readings) else 1
    vectors = max(one.kept for one in readings) * cost.dimensions * 4
    return LIBRARIES_BYTES + states * (cost.weights_bytes or _starter_bytes(cost)) + vectors


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
