"""What differs from the recipe and data that an interrupted run was started with: refused, unless accepted."""

import shlex
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Any

from embedtune.config.recipe.load import dump_config
from embedtune.config.sections.encoder import ModelSection
from embedtune.config.verbs.train import TrainConfig
from embedtune.data.rows import Rows
from embedtune.errors import ConfigError, DataError
from embedtune.workflows.shared.machine import machine_facts
from embedtune.workflows.shared.relocation import located
from embedtune.workflows.shared.run_folder import FACTS, RECIPE, STARTED_IN, RunFolder

FIXED = ("model.", "loss.")
"""A run resumes with its own encoder and losses, whose weights are in its checkpoints."""
TRAINED = ("training.batch_size", "training.seed", "training.embeddings")
"""What a run that has trained keeps. Batch size and seed decide, with the rows, which rows are in which step; a
checkpoint counts steps, so with others a resumed run would leave rows out or repeat them. The optimizer's state in a
checkpoint is that of one kind of token embeddings."""
FREE = ("output.", "guide.engine")
"""What changes nothing that is learned."""
ACCEPT = "--accept-changes"


def as_begun(config: TrainConfig, folder: RunFolder) -> TrainConfig:
    """The recipe of a run to resume, where what it leaves to us (`auto`) is as the run had settled it."""
    then = folder.recipe()
    sections = {"training": config.training.settled(then.training.model_dump())}
    return config.model_copy(update={**sections, "guide": config.guide.settled(then.guide.model_dump())})


def refuse_changes(folder: RunFolder, config: TrainConfig, *, accept: bool = False) -> list[str]:
    """Refuse to resume a run with another recipe than the one it was started with.

    Args:
        folder: the run.
        config: the recipe now; relative names are relative to the current folder.
        accept: allow the changes that a run can resume with.

    Returns: what differs, in words.

    Raises:
        ConfigError: names every option that differs.
    """
    then, now = _flat(folder.recipe().model_dump()), _flat(config.model_dump())
    place_then = then | _flat(located(folder.recipe(), folder.started_in))
    place_now = now | _flat(located(config, Path.cwd()))

    def differs(key: str) -> bool:
        if place_then.get(key) == place_now.get(key):
            return False
        # A name that leads nowhere from the folder where the run was started has moved together with the files.
        return then.get(key) != now.get(key) or place_then.get(key) != then.get(key)

    differing = sorted(key for key in then.keys() | now.keys() if not key.startswith(FREE) and differs(key))
    listed = [f"{key} was {_said(place_then.get(key))}, is now {_said(place_now.get(key))}" for key in differing]
    own = (*FIXED, *TRAINED) if folder.trained else FIXED
    fixed = [line for key, line in zip(differing, listed, strict=True) if key.startswith(own)]
    if fixed and accept:
        what = "encoder, losses, batch size, seed and token embeddings" if folder.trained else "encoder and losses"
        raise ConfigError(
            f"a run resumes with its own {what} only: {'; '.join(fixed)}",
            where=str(folder.path / RECIPE),
            next=f"leave these options out, or {_anew(folder)}",
        )
    if listed and not accept:
        raise ConfigError(
            f"this run was started with other options: {'; '.join(listed)}",
            where=str(folder.path / RECIPE),
            next=f"leave the options out to resume it as it was started, or {_anew(folder)}"
            + ("" if fixed else f"; {ACCEPT} resumes with the new ones"),
        )
    return listed


def models_of(config: TrainConfig) -> list[ModelSection]:
    """The models that a run loads besides what guards it."""
    return [config.model, config.guide, *(one for one in (config.teacher, config.query_model) if one.given)]


def record_data(
    folder: RunFolder,
    hashes: Mapping[str, str],
    rows: Rows,
    *,
    models: Iterable[ModelSection] = (),
    accept: bool = False,
) -> list[str]:
    """Record the sha256 of each file that a run learns from, or make sure that a resumed run has the same files.

    Args:
        folder: the run.
        hashes: file -> sha256.
        rows: of training, as they are now.
        models: those of the run, whose packages are recorded.
        accept: allow other files, as long as a run that has trained keeps its rows.

    Returns: what differs, in words.

    Raises:
        DataError: a file has changed since the run was started; names it. Or the rows have, which a run that has
            trained cannot resume with.
    """
    facts, own = folder.facts(), _identity(rows)
    before, trained_on = facts.get("data_sha256"), facts.get("rows") or own
    known = hashes if before is None else before
    changed = sorted(name for name in known.keys() | hashes.keys() if known.get(name) != hashes.get(name))
    listed = f": {', '.join(changed)}" if changed else ""
    if folder.trained and trained_on != own:
        raise DataError(
            f"the data has changed since this run was started{listed}. It has trained on other rows "
            f"({trained_on['count']:,} then, {own['count']:,} now), and going on would leave rows out or repeat them",
            where=str(folder.path),
            next=f"restore the old data and its options, or {_anew(folder)}",
        )
    if changed and not accept:
        raise DataError(
            f"the data has changed since this run was started{listed}",
            where=str(folder.path),
            next=f"restore the old files, or start a new run; {ACCEPT} resumes with the new ones",
        )
    if before is None:
        start = {**machine_facts(models), STARTED_IN: str(Path.cwd()), "data_sha256": {**hashes}}
        folder.write_json(FACTS, {**start, **facts, "rows": own})
    elif trained_on != own:
        folder.write_json(FACTS, {**facts, "rows": own})
    return [f"the data has changed{listed}"] if changed else []


def record_changes(
    folder: RunFolder, config: TrainConfig, hashes: Mapping[str, str], changes: list[str], warn: Callable[[str], None]
) -> None:
    """Warn about the changes that a run resumes with, and record them, so that its result says what it learned from."""
    if not changes:
        return
    warn(f"resuming with changes, so this run cannot be repeated exactly: {'; '.join(changes)}")
    facts = folder.facts()
    facts |= {"data_sha256": {**hashes}, "changes": [*facts.get("changes", []), *changes]}
    folder.write_json(FACTS, {**facts, STARTED_IN: str(Path.cwd())})
    folder.write(RECIPE, dump_config(config))


def _anew(folder: RunFolder) -> str:
    """How to start a new run, from what this one has learned if anything."""
    newest = folder.newest_checkpoint
    start = f" from its newest model (--model {shlex.quote(str(newest))})" if newest else ""
    return f"start a new run{start} with another --output"


def _identity(rows: Rows) -> dict[str, Any]:
    """How many rows, and a digest of their anchors and positives in order, which is the order of batches too."""
    digest = sha256()
    for text in chain.from_iterable(zip(rows.anchors, rows.positives, strict=True)):
        data = text.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "little") + data)
    return {"count": len(rows), "sha256": digest.hexdigest()}


def _said(value: Any) -> str:
    return "not set" if value is None else repr(value)


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    if isinstance(value, Mapping):
        return {k: v for key, inner in value.items() for k, v in _flat(inner, f"{prefix}{key}.").items()}
    if isinstance(value, list) and value and isinstance(value[0], Mapping):
        return {k: v for place, inner in enumerate(value) for k, v in _flat(inner, f"{prefix}{place}.").items()}
    return {prefix.rstrip("."): value}
