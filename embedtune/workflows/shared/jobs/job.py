"""The folder of a job in stages: the name of each stage says what it was made from, so nothing stale is ever used.

A stage's folder is named after the stage and a hash of everything that its content depends on. The same command finds
its folders again and resumes; a changed option or file renames only the stages that depend on it, and the folders with
the old names are removed. There is no bookkeeping that could be wrong, whenever the process is killed.
"""

import hashlib
import io
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from embedtune import __version__
from embedtune.durable import UNFINISHED, read_sealed, write_sealed
from embedtune.errors import OutputError
from embedtune.workflows.shared.ending import Unfinished
from embedtune.workflows.shared.output_folder import remove_own

MANIFEST = "job.json"
_STAGE = "[a-z]+-[0-9a-f]{12}"
OWN = rf"{_STAGE}|{re.escape(MANIFEST)}|lock|\..*{re.escape(UNFINISHED)}"
"""The names of what a job writes into its folder, as a regular expression."""


@dataclass(frozen=True)
class Job:
    """The folder of one job."""

    path: Path

    @property
    def lock(self) -> Path:
        """Held by the process that works on the job."""
        return self.path / "lock"

    @property
    def started(self) -> bool:
        """Whether any stage holds a result."""
        return any(self.path.glob("*-*/*"))

    @property
    def unfinished(self) -> Unfinished:
        """The job as work that may be interrupted: kept once any stage holds a result."""
        return Unfinished(
            is_kept=lambda: self.started,
            discard=self.remove,
            kept=f"what is done is kept in {self.path}",
            lost="nothing was done yet",
            resume="run the same command again to resume",
        )

    def manifest(self) -> dict[str, Any]:
        """The settings and source hashes of the last run; empty if the job is new or its record damaged."""
        return self.read_json(MANIFEST) or {}

    def stage(self, name: str, **made_from: Any) -> Path:
        """The folder of a stage, made if needed; folders of the same stage made from other inputs are removed.

        Args:
            name: of the stage.
            made_from: everything that its content depends on, in JSON types.
        """
        folder = self.path / f"{name}-{key_of({**made_from, 'version': __version__})}"
        for other in self._stages():
            if other.name.startswith(f"{name}-") and other != folder:
                shutil.rmtree(other, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def read_json(self, name: str) -> dict[str, Any] | None:
        """An object written here; None if it is missing or damaged."""
        content = read_sealed(self.path / name)
        return None if content is None else json.loads(content)

    def write_json(self, name: str, value: Mapping[str, Any]) -> None:
        """Write an object, whole or not at all."""
        text = json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True)
        write_sealed(self.path / name, text.encode("utf-8", "surrogatepass"))

    def clear(self) -> None:
        """Remove every stage."""
        for folder in self._stages():
            shutil.rmtree(folder, ignore_errors=True)
        (self.path / MANIFEST).unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove the job; files that others have put in its folder stay, and so does the folder then."""
        remove_own(self.path, OWN)

    def _stages(self) -> list[Path]:
        return [folder for folder in self.path.glob("*-*") if re.fullmatch(_STAGE, folder.name)]


def is_done(part: Path) -> bool:
    """Whether a part of a stage exists and is undamaged."""
    return read_sealed(part) is not None


def save_array(part: Path, array: np.ndarray) -> None:
    """Save an array as a part of a stage, whole or not at all."""
    content = io.BytesIO()
    np.save(content, array)
    write_sealed(part, content.getvalue())


def load_array(part: Path) -> np.ndarray:
    """The array of a part.

    Raises:
        OutputError: it was damaged after it had been found complete.
    """
    array: np.ndarray = np.load(io.BytesIO(read_part(part)))
    return array


def read_part(part: Path) -> bytes:
    """The content of a part.

    Raises:
        OutputError: it was damaged after it had been found complete.
    """
    content = read_sealed(part)
    if content is None:
        raise OutputError(
            "a file of the job was damaged while the job was running",
            where=str(part),
            next="run the same command again; it rebuilds this file",
        )
    return content


def key_of(made_from: Mapping[str, Any]) -> str:
    """A hash of these facts, in twelve hex digits.

    >>> key_of({"a": 1, "b": [2]}) == key_of({"b": [2], "a": 1}) != key_of({"a": 1})
    True
    """
    text = json.dumps(made_from, ensure_ascii=False, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()


def changes(before: Any, now: Any, name: str = "") -> Iterator[str]:
    """The differences between two manifests, one clause each.

    >>> list(changes({"a": {"b": 1}, "c": 2}, {"a": {"b": None}, "c": 2}))
    ['a.b was 1, is now not set']
    """
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for key in dict.fromkeys((*before, *now)):
            yield from changes(before.get(key), now.get(key), f"{name}.{key}".lstrip("."))
    elif before != now:
        yield f"{name} was {_shown(before)}, is now {_shown(now)}"


def _shown(value: Any) -> str:
    return "not set" if value is None else str(value)[:60]
