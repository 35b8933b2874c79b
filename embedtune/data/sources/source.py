"""The one entry to data: opens a file, a folder, a Hub name or the samples, as what it is."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from embedtune.config.recipe.shipped import samples_folder
from embedtune.data.sources.base import ALIASES, Source
from embedtune.data.sources.beir import is_beir
from embedtune.data.sources.beir_folder import BeirSource
from embedtune.data.sources.hub import HubSource
from embedtune.data.sources.problems import Problems
from embedtune.data.sources.reading.unchanged import demand_unchanged
from embedtune.data.sources.streams import missing, plain_stem, plain_suffix, refuse_odd, sha256
from embedtune.data.sources.tables import READABLE, RecordTable, check_suffix, open_table
from embedtune.errors import DataError

SAMPLES = "samples"
_SHARD = re.compile(r"(?P<split>.+?)-\d+-of-\d+")


class FileSource(Source):
    """A file, or a folder with a file or some shards per split.

    Args:
        name: as the user named it.
        what: what it is, in words.
        files: split -> its files, "" for all of an undivided source.
    """

    def __init__(self, name: str, what: str, files: Mapping[str, list[Path]]) -> None:
        super().__init__(name, what, tuple(split for split in files if split))
        self.files = files
        demand_unchanged("files", name, files)

    def tables(self, split: str, problems: Problems | None = None) -> Iterator[RecordTable]:
        """One per file."""
        return (open_table(path, problems) for path in self.files[split])

    def hashes(self, splits: tuple[str, ...]) -> dict[str, str]:
        """File name -> sha256."""
        return {path.name: sha256(path) for split in splits for path in self.files[split]}


def open_source(name: str) -> Source:
    """Open what a name refers to.

    Raises:
        DataError: it does not exist, or nothing in it can be read.
    """
    path = source_path(name)
    if path is None:
        return HubSource(name)
    refuse_odd(path)
    if path.is_dir():
        return _folder(name, path)
    if path.is_file():
        check_suffix(path)
        return FileSource(name, path.name, {"": [path]})
    error = missing(path)
    if error.next is None and re.fullmatch(r"[\w.-]+/[\w.-]+", name):
        error.next = f"if this is a data set of the Hugging Face Hub, write hf:{name}"
    raise error


def source_path(name: str) -> Path | None:
    """The file or folder that a name refers to; None for a set of the Hub."""
    if name.startswith("hf:"):
        return None
    return samples_folder() if name == SAMPLES else Path(name).expanduser()


def reads(folder: Path, path: Path) -> bool:
    """Whether a file, new or not, is or would be one of those that a data folder is read from, by whatever path.

    >>> reads(Path("set"), Path("set/corpus.jsonl")), reads(Path("set"), Path("set/vectors.npy"))
    (True, False)
    """
    folder = folder.resolve()
    entries = [entry for part in (folder, folder / "qrels") if part.is_dir() for entry in part.iterdir()]
    divided = is_beir(folder) or any(_split_of(entry) for entry in entries if plain_suffix(entry) in READABLE)
    named = {path.parent.resolve() / path.name, path.resolve()}  # a link that is replaced, and what it leads to
    if path.exists():
        named |= {entry for entry in entries if entry.exists() and entry.samefile(path)}
    return any(_is_member(one.relative_to(folder), divided) for one in named if one.is_relative_to(folder))


def _is_member(path: Path, divided: bool) -> bool:
    """Whether a path within a folder is read; of a folder that is not divided, any readable file could be."""
    if path.parts[:1] and path.parts[0].casefold() == "qrels":
        return True
    if len(path.parts) != 1 or path.name.startswith(".") or plain_suffix(path) not in READABLE:
        return False
    return plain_stem(path).casefold() in ("corpus", "queries", "pairs") or bool(_split_of(path)) or not divided


def _folder(name: str, folder: Path) -> Source:
    try:
        for entry in folder.iterdir():
            if plain_suffix(entry) in READABLE:
                refuse_odd(entry)  # or a pipe named corpus.jsonl would pass for no corpus
        if is_beir(folder):
            return BeirSource(name, folder)
        files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    except PermissionError as error:
        raise DataError("no permission to read this folder", where=name, next="check its permissions") from error
    readable = [path for path in files if plain_suffix(path) in READABLE and plain_suffix(path) != ".txt"]
    readable = readable or [path for path in files if plain_suffix(path) == ".txt"]
    by_split: dict[str, list[Path]] = {}
    for path in readable:
        by_split.setdefault(_split_of(path), []).append(path)
    divided = {split: paths for split, paths in by_split.items() if split}
    for split, paths in divided.items():
        if len(paths) > 1 and not all(_SHARD.fullmatch(plain_stem(path)) for path in paths):
            names = " and ".join(path.name for path in paths)
            raise DataError(f"two files are for the split {split!r}: {names}", where=name, next="keep one of them")
    what = f"the folder {folder.resolve().name}"
    if divided:
        return FileSource(name, what, divided)
    if len(readable) == 1:
        return FileSource(name, f"{readable[0].name} in {what}", {"": readable})
    raise _nothing_to_read(name, folder, readable)


def _nothing_to_read(name: str, folder: Path, readable: list[Path]) -> DataError:
    if readable:
        names = ", ".join(path.name for path in readable[:12])
        return DataError(
            f"several files could be meant ({names}), but none of them is named train, dev or test",
            where=name,
            next=f"name one of them: --data {folder / readable[0].name}",
        )
    there = ", ".join(sorted(entry.name for entry in folder.iterdir())[:12]) or "no files"
    return DataError(
        f"there is nothing to read in this folder; it contains {there}",
        where=name,
        next=f"use a BEIR folder (corpus, queries, qrels/), or files ending in {', '.join(READABLE)}",
    )


def _split_of(path: Path) -> str:
    """The split that a file is named after, "" for none."""
    stem = plain_stem(path)
    shard = _SHARD.fullmatch(stem)
    stem = (shard["split"] if shard else stem).lower()
    return stem if any(stem in names for names in ALIASES.values()) else ""
