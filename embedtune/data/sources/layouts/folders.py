"""Which files of a folder hold which split: named after it, in shards, in a folder of the Hub's, or one per split."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from embedtune.data.sources.layouts.beir_files import NOT_DATA
from embedtune.data.sources.layouts.places import archive_of, files_in, folders_in
from embedtune.data.sources.layouts.saved import saved_files, saved_words
from embedtune.data.sources.layouts.splits import ALIASES, lacking, refuse_two, split_in_name, split_of
from embedtune.data.sources.streams import plain_suffix
from embedtune.data.sources.tables import READABLE
from embedtune.errors import DataError
from embedtune.findings import counted


@dataclass(frozen=True)
class FolderFiles:
    """The files of a folder that hold rows.

    Args:
        what: what the folder is, in words.
        files: split -> its files, "" for all of an undivided folder; empty where no file could be told.
        readable: files directly in the folder that could be read.
    """

    what: str
    files: dict[str, list[Path]] = field(default_factory=dict)
    readable: Sequence[Path] = ()


def name_of(folder: Path) -> str:
    """A folder as messages name it.

    >>> name_of(Path("/data/pairs"))
    'the folder pairs'
    """
    inside = archive_of(folder)
    if inside is None:
        return f"the folder {folder.resolve().name}"
    return f"{inside[1]} in {inside[0].name}" if inside[1] else inside[0].name


def find_files(folder: Path) -> FolderFiles:
    """The files of a folder by split.

    Raises:
        DataError: two files are for one split, or the folder holds several configs.
    """
    saved = saved_files(folder)
    if saved is not None:
        words = saved_words(name_of(folder).removeprefix("the folder "), saved)
        return FolderFiles(words, {split: paths for split, paths in saved.items() if paths})
    readable = readable_in(folder)
    by_split = _by_name(readable, str(folder))
    # One .json or .txt next to folders of data says something about them: README.txt, stats.json.
    about = len(readable) == 1 and plain_suffix(readable[0]) in _MAY_BE_ABOUT
    nested = _nested(folder) if not by_split and (about or not readable) else {}
    if not nested:
        by_split = by_split or _single(readable)
    if by_split:
        alone = by_split[""][0].name if "" in by_split else None
        words = f"{alone} in {name_of(folder)}" if alone else name_of(folder) + _bracketed(*_besides(by_split))
        return FolderFiles(words, by_split)
    return FolderFiles(name_of(folder) + _bracketed(_words(nested, folder), *_besides(nested)), nested, readable)


_MAY_BE_ABOUT = (".json", ".txt")


def readable_in(folder: Path) -> list[Path]:
    """The files directly in a folder that can be read, tables before plain texts, which may be notes about them."""
    found = [path for path in files_in(folder) if plain_suffix(path) in READABLE and path.stem.lower() not in NOT_DATA]
    return [path for path in found if plain_suffix(path) != ".txt"] or found


def _by_name(readable: Iterable[Path], where: str) -> dict[str, list[Path]]:
    """Split -> files that are named after it; a name that only contains it counts where no file has it as its name."""
    found: dict[str, list[Path]] = {}
    for told in (split_of, split_in_name):
        for path in readable:
            if told(path):
                found.setdefault(told(path), []).append(path)
        if found:
            break
    for split, paths in found.items():
        refuse_two(split, paths, where)
    return found


def _single(readable: Sequence[Path]) -> dict[str, list[Path]]:
    return {"": list(readable)} if len(readable) == 1 else {}


def _nested(folder: Path) -> dict[str, list[Path]]:
    """Split -> files in the folders below: one folder per split, `data/`, or the only config.

    Raises:
        DataError: there are several configs.
    """
    below = folders_in(folder)
    named = [one for one in below if any(one.name.lower() in names for names in ALIASES.values()) and readable_in(one)]
    if named:
        return {one.name.lower(): readable_in(one) for one in named}
    found = {one.name: _below(one) for one in below}
    found = {name: files for name, files in found.items() if files}
    if "data" in found:
        return found["data"]
    if len(found) > 1:
        names = list(found)
        raise DataError(
            f"this folder has several sets or configs: {', '.join(names[:12])}",
            where=str(folder),
            next=f"name one of them: --data {folder / names[0]}",
        )
    return next(iter(found.values()), {})


def _below(folder: Path) -> dict[str, list[Path]]:
    """The same within a folder below, and in the folders of its splits, no deeper."""
    readable = readable_in(folder)
    by_split = _by_name(readable, str(folder)) or _single(readable)
    if by_split or readable:
        return by_split
    splits = [one for one in folders_in(folder) if any(one.name.lower() in names for names in ALIASES.values())]
    return {one.name.lower(): files for one in splits if (files := readable_in(one))}


def _words(files: Mapping[str, Sequence[Path]], folder: Path) -> str:
    """How many files were found where, and of which splits; nothing for no files."""
    every = [path for paths in files.values() for path in paths]
    places = sorted({path.parent.relative_to(folder).as_posix() for path in every})
    splits = f", {counted(len(files), 'split')}: {', '.join(files)}" if "" not in files else ""
    return f"{counted(len(every), 'file')} in {', '.join(places)}{splits}" if every else ""


def _besides(files: Mapping[str, Sequence[Path]]) -> tuple[str, str]:
    """Which shards are missing, and which files are not read."""
    return lacking(path for paths in files.values() for path in paths), _unread(files)


def _unread(files: Mapping[str, Sequence[Path]]) -> str:
    """Which readable files are next to those that are read, without a split in their names; nothing for none."""
    read = {path for paths in files.values() for path in paths}
    beside = [path for folder in sorted({path.parent for path in read}) for path in readable_in(folder)]
    names = [path.name for path in beside if path not in read]
    return f"not read: {', '.join(names[:12])}" if names else ""


def _bracketed(*words: str) -> str:
    said = "; ".join(one for one in words if one)
    return f" ({said})" if said else ""
