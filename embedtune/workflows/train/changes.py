"""What differs from the recipe and data that an interrupted run was started with: refused, unless accepted."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from embedtune.config.encoder import ModelSection
from embedtune.config.recipe.load import dump_config
from embedtune.config.train import TrainConfig
from embedtune.errors import ConfigError, DataError
from embedtune.workflows.shared.machine import machine_facts
from embedtune.workflows.shared.relocation import located
from embedtune.workflows.shared.run_folder import FACTS, RECIPE, STARTED_IN, RunFolder

FIXED = ("model.", "loss.")
"""A run resumes with its own encoder and losses, whose weights are in its checkpoints."""
ACCEPT = "--accept-changes"


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

    differing = sorted(key for key in then.keys() | now.keys() if not key.startswith("output.") and differs(key))
    listed = [f"{key} was {_said(place_then.get(key))}, is now {_said(place_now.get(key))}" for key in differing]
    fixed = [line for key, line in zip(differing, listed, strict=True) if key.startswith(FIXED)]
    if fixed and accept:
        raise ConfigError(
            f"a run resumes with its own encoder and losses only: {'; '.join(fixed)}",
            where=str(folder.path / RECIPE),
            next="leave these options out, or start a new run with another --output",
        )
    if listed and not accept:
        raise ConfigError(
            f"this run was started with other options: {'; '.join(listed)}",
            where=str(folder.path / RECIPE),
            next="leave the options out to resume it as it was started, or start a new run with another --output"
            + ("" if fixed else f"; {ACCEPT} resumes with the new ones"),
        )
    return listed


def record_data(
    folder: RunFolder, hashes: Mapping[str, str], *, models: Iterable[ModelSection] = (), accept: bool = False
) -> list[str]:
    """Record the sha256 of each file that a run learns from, or make sure that a resumed run has the same files.

    Returns: what differs, in words.

    Raises:
        DataError: a file has changed since the run was started; names it.
    """
    facts = folder.facts()
    before = facts.get("data_sha256")
    if before is None:
        began = {**machine_facts(models), STARTED_IN: str(Path.cwd())}
        folder.write_json(FACTS, {**began, "data_sha256": {**hashes}, **facts})
        return []
    changed = sorted(name for name in before.keys() | hashes.keys() if before.get(name) != hashes.get(name))
    if changed and not accept:
        raise DataError(
            f"the data has changed since this run was started: {', '.join(changed)}",
            where=str(folder.path),
            next=f"restore the old files, or start a new run; {ACCEPT} resumes with the new ones",
        )
    return [f"the data has changed: {', '.join(changed)}"] if changed else []


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


def _said(value: Any) -> str:
    return "not set" if value is None else repr(value)


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    if isinstance(value, Mapping):
        return {k: v for key, inner in value.items() for k, v in _flat(inner, f"{prefix}{key}.").items()}
    if isinstance(value, list) and value and isinstance(value[0], Mapping):
        return {k: v for place, inner in enumerate(value) for k, v in _flat(inner, f"{prefix}{place}.").items()}
    return {prefix.rstrip("."): value}
