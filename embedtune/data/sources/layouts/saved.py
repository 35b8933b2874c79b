"""Folders that `datasets` wrote with `save_to_disk`: Arrow files, named by a state.json in each split."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from embedtune.data.sources.layouts.places import is_there, open_file
from embedtune.errors import DataError
from embedtune.findings import counted

_SPLITS, _STATE = "dataset_dict.json", "state.json"
_LARGEST = 2**20  # bytes of a list of files; more is another kind of file


def saved_files(folder: Path) -> dict[str, list[Path]] | None:
    """Split -> files of a saved data set, "" for one without splits; None where this is not such a folder.

    A split without rows has no files.

    Raises:
        DataError: it is incomplete, or has no rows at all.
    """
    if is_there(folder / _SPLITS):
        splits = _read(folder / _SPLITS).get("splits")
        if not isinstance(splits, list) or not splits or not all(_is_name(split) for split in splits):
            raise DataError("it does not name its splits", where=str(folder / _SPLITS), next="save the data set again")
        found = {split: _shards(folder / split) for split in splits}
    elif is_there(folder / _STATE):
        found = {"": _shards(folder)}
    else:
        return None
    if not any(found.values()):
        raise DataError("there are no rows in this saved data set", where=str(folder))
    return found


def saved_words(name: str, files: Mapping[str, list[Path]]) -> str:
    """What a saved data set is, in words."""
    if list(files) == [""]:
        return f"the save_to_disk folder {name}"
    names = [split if paths else f"{split} without rows" for split, paths in files.items()]
    return f"the save_to_disk folder {name} ({counted(len(names), 'split')}: {', '.join(names)})"


def _shards(folder: Path) -> list[Path]:
    named = _read(folder / _STATE).get("_data_files")
    listed = named if isinstance(named, list) else [None]
    names = [one.get("filename") if isinstance(one, Mapping) else None for one in listed]
    if not all(_is_name(name) for name in names):
        raise DataError("it names no files of this folder", where=str(folder / _STATE), next="save the data set again")
    paths = [folder / str(name) for name in names]
    for path in paths:
        if not is_there(path):
            raise DataError(
                f"the saved data set lacks {path.name}, which {_STATE} names", where=str(folder), next="copy it again"
            )
    return paths


def _is_name(name: Any) -> bool:
    """Whether it is the name of something within the folder, and leads nowhere else."""
    return isinstance(name, str) and name not in ("", ".", "..") and not set(name) & set("/\\\0")


def _read(path: Path) -> Mapping[str, Any]:
    try:
        with open_file(path) as stream:
            found = json.loads(stream.read(_LARGEST))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(
            "this part of a saved data set is missing or damaged", where=str(path), next="copy it again"
        ) from error
    return found if isinstance(found, Mapping) else {}
