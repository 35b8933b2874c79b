"""What is different now from what an interrupted run was started with: refused with its name, unless told otherwise."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from embedtune.config.recipe.load import dump_config
from embedtune.config.train import TrainConfig
from embedtune.errors import ConfigError, DataError
from embedtune.workflows.shared.machine import machine_facts
from embedtune.workflows.shared.relocation import located
from embedtune.workflows.shared.run_folder import FACTS, RECIPE, STARTED_IN, RunFolder

FIXED = ("model.", "loss.")
"""A run goes on with its own encoder and losses, whose weights are what it saved."""
ACCEPT = "--accept-changes"


def refuse_changes(folder: RunFolder, config: TrainConfig, *, accept: bool = False) -> list[str]:
    """Refuse to go on with a run under another recipe than the one it was started with.

    Args:
        folder: the run.
        config: what is asked now, as from the folder one is in.
        accept: let changes through that a run can go on with.

    Returns: what is different, in words.

    Raises:
        ConfigError: names every option that differs.
    """
    then, now = _flat(folder.recipe().model_dump()), _flat(config.model_dump())
    place_then = then | _flat(located(folder.recipe(), folder.started_in))
    place_now = now | _flat(located(config, Path.cwd()))

    def differs(key: str) -> bool:
        if place_then.get(key) == place_now.get(key):
            return False
        # A name that no longer leads anywhere from where the run was started has moved with the files.
        return then.get(key) != now.get(key) or place_then.get(key) != then.get(key)

    differing = sorted(key for key in then.keys() | now.keys() if not key.startswith("output.") and differs(key))
    listed = [f"{key} was {_said(place_then.get(key))}, is now {_said(place_now.get(key))}" for key in differing]
    fixed = [line for key, line in zip(differing, listed, strict=True) if key.startswith(FIXED)]
    if fixed and accept:
        raise ConfigError(
            f"a run goes on with its own encoder and losses: {'; '.join(fixed)}",
            where=str(folder.path / RECIPE),
            next="leave these options out, or start a new run with another --output",
        )
    if listed and not accept:
        raise ConfigError(
            f"this run was started with other options: {'; '.join(listed)}",
            where=str(folder.path / RECIPE),
            next="leave the options out to go on as it was started, or start a new run with another --output"
            + ("" if fixed else f"; {ACCEPT} goes on with the new ones"),
        )
    return listed


def record_data(folder: RunFolder, hashes: Mapping[str, str], *, accept: bool = False) -> list[str]:
    """Write down which bytes a run learns from, or make sure that a resumed run sees the same ones.

    Args:
        folder: the run.
        hashes: source file name -> sha256 of its bytes.
        accept: let a change through.

    Returns: what is different, in words.

    Raises:
        DataError: a file has changed since the run was started; names it.
    """
    facts = folder.facts()
    before = facts.get("data_sha256")
    if before is None:
        folder.write_json(FACTS, {**machine_facts(), STARTED_IN: str(Path.cwd()), "data_sha256": {**hashes}, **facts})
        return []
    changed = sorted(name for name in before.keys() | hashes.keys() if before.get(name) != hashes.get(name))
    if changed and not accept:
        raise DataError(
            f"the data have changed since this run was started: {', '.join(changed)}",
            where=str(folder.path),
            next=f"put the old files back, or start a new run; {ACCEPT} goes on with the new ones",
        )
    return [f"the data have changed: {', '.join(changed)}"] if changed else []


def record_changes(
    folder: RunFolder, config: TrainConfig, hashes: Mapping[str, str], changes: list[str], warn: Callable[[str], None]
) -> None:
    """Say aloud with what changes a run goes on, and keep them with it: a result is of what it really learnt from."""
    if not changes:
        return
    warn(f"going on with changes, so that nothing will repeat this run exactly: {'; '.join(changes)}")
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
