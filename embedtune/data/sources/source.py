"""The one entry to data: opens a file, a folder, a Hub name or the samples, as what it is."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from embedtune.config.recipe.shipped import samples_folder
from embedtune.data.sources.base import Source
from embedtune.data.sources.beir_folder import BeirSource
from embedtune.data.sources.hub import open_hub
from embedtune.data.sources.layouts.arrow import has_rows
from embedtune.data.sources.layouts.beir_files import JUDGING, JUDGMENTS, PARTS, BeirFiles, is_beir, is_judging
from embedtune.data.sources.layouts.folders import FolderFiles, find_files, readable_in
from embedtune.data.sources.layouts.llama_index import LlamaIndexFiles, is_llama_index, llama_index_file
from embedtune.data.sources.layouts.one_language import OneLanguage
from embedtune.data.sources.layouts.places import entries, folders_in, is_folder, is_there
from embedtune.data.sources.layouts.saved import saved_files
from embedtune.data.sources.layouts.splits import ALIASES, split_of
from embedtune.data.sources.problems import Problems
from embedtune.data.sources.reading.remote import fetched
from embedtune.data.sources.reading.unchanged import demand_unchanged
from embedtune.data.sources.streams import missing, plain_stem, plain_suffix, refuse_odd, sha256
from embedtune.data.sources.tables import READABLE, RecordTable, check_suffix, open_table
from embedtune.errors import DataError
from embedtune.network import is_address, local_name

SAMPLES = "samples"
HALVES = {"samples:en": "en", "samples:ko": "ko"}
"""Names of one language of the samples."""
_SPLIT_NAMES = {name for names in ALIASES.values() for name in names}


class FileSource(Source):
    """A file, or a folder with a file or some shards per split.

    Args:
        name: as the user named it.
        what: what it is, in words.
        files: split -> its files, "" for all of an undivided source.
        folder: what the names of its files are relative to; None: they are told apart by their own names.
    """

    def __init__(self, name: str, what: str, files: Mapping[str, list[Path]], folder: Path | None = None) -> None:
        super().__init__(name, what, tuple(split for split in files if split))
        self.files = files
        demand_unchanged("files", name, files)
        self._folder = folder

    def tables(self, split: str, problems: Problems | None = None) -> Iterator[RecordTable]:
        """One per file, without shards that have no rows."""
        paths = self.files[split]
        filled = [path for path in paths if has_rows(path)] if len(paths) > 1 else paths
        return (open_table(path, problems) for path in filled or paths)

    def hashes(self, splits: tuple[str, ...]) -> dict[str, str]:
        """File name -> sha256."""
        paths = [path for split in splits for path in self.files[split]]
        return {path.name if self._folder is None else _within(path, self._folder): sha256(path) for path in paths}

    def members(self) -> list[Path]:
        """Its files."""
        return [path for paths in self.files.values() for path in paths]


def open_source(name: str) -> Source:
    """Open what a name refers to.

    Raises:
        DataError: it does not exist, or nothing in it can be read.
    """
    path = source_path(name)
    if path is None:
        return open_hub(name)
    if name in HALVES:
        return BeirSource(name, OneLanguage(path, HALVES[name]))
    refuse_odd(path)
    if is_folder(path):
        return _folder(name, path)
    if is_there(path):
        check_suffix(path)
        if is_llama_index(path):
            return BeirSource(name, llama_index_file(path))
        return FileSource(name, path.name, {"": [path]})
    error = missing(path)
    if not is_folder(path.parent) and re.fullmatch(r"[\w.-]+/[\w.-]+", name):
        error.next = f"if this is a data set of the Hugging Face Hub, write hf:{name}"
    raise error


def source_path(name: str) -> Path | None:
    """The file or folder that a name refers to, which an address is copied to; None for a set of the Hub."""
    if name.startswith("hf:"):
        return None
    name = local_name(name)
    if is_address(name):
        return fetched(name)
    return samples_folder() if name == SAMPLES or name in HALVES else Path(name).expanduser()


def reads(folder: Path, path: Path) -> bool:
    """Whether a file, new or not, is or would be one of those that a data folder is read from, by whatever path.

    >>> reads(Path("set"), Path("set/corpus.jsonl")), reads(Path("set"), Path("set/vectors.npy"))
    (True, False)
    """
    folder = folder.resolve()
    parts = {_within(member, folder).split("/")[0] for member in _members(folder) if member.parent != folder}
    own = [*entries(folder), *_members(folder)]
    # Where the splits are in folders below, any file next to these would be taken for the data.
    divided = is_beir(folder) or any(split_of(entry) for entry in entries(folder) if plain_suffix(entry) in READABLE)
    named = {path.parent.resolve() / path.name, path.resolve()}  # a link that is replaced, and what it leads to
    if path.exists():
        named |= {entry for entry in own if entry.exists() and entry.samefile(path)}
    return any(_is_member(one.relative_to(folder), divided, parts) for one in named if one.is_relative_to(folder))


def _is_member(path: Path, divided: bool, parts: set[str]) -> bool:
    """Whether a path within a folder is read; of a folder that is not divided, any readable file could be.

    `parts` are the folders in it that files are read from; nothing else belongs into them.
    """
    if path.parts[:1] and (path.parts[0] in parts or path.parts[0].casefold() in {JUDGMENTS[0], *PARTS}):
        return True
    if len(path.parts) != 1 or path.name.startswith(".") or plain_suffix(path) not in JUDGING:
        return False
    named = plain_stem(path).casefold() in (*PARTS, "pairs", "state", "dataset_dict") or bool(split_of(path))
    return named or is_judging(path) or not divided


def _members(folder: Path) -> list[Path]:
    """The files that a folder is read from; none where it cannot be read."""
    try:
        return _folder(str(folder), folder).members()
    except DataError:
        return []


def _within(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def _folder(name: str, folder: Path) -> Source:
    try:
        for entry in entries(folder):
            if plain_suffix(entry) in READABLE:
                refuse_odd(entry)  # or a pipe named corpus.jsonl would pass for no corpus
        if is_beir(folder):
            return BeirSource(name, BeirFiles(folder))
        inner = _only_inner(folder)
        if inner is not None and (is_beir(inner) or saved_files(inner) is not None):
            return _folder(name, inner)
        found = find_files(folder)
    except PermissionError as error:
        raise DataError("no permission to read this folder", where=name, next="check its permissions") from error
    if not found.files and inner is not None:
        return _folder(name, inner)
    if not found.files:
        raise _nothing_to_read(name, folder, found.readable)
    return _of_files(name, folder, found)


def _only_inner(folder: Path) -> Path | None:
    """The folder within one that holds nothing else: a cached Hub repository, or an archive of one folder."""
    below = folders_in(folder)
    if {"snapshots", "refs"} <= {one.name for one in below}:
        versions = folders_in(folder / "snapshots")
        main = folder / "refs" / "main"
        named = folder / "snapshots" / main.read_text(encoding="utf-8").strip() if main.is_file() else None
        return named if named in versions else versions[0] if len(versions) == 1 else None
    alone = below[0] if len(below) == 1 and not readable_in(folder) else None
    return None if alone is None or alone.name.lower() in _SPLIT_NAMES else alone


def _of_files(name: str, folder: Path, found: FolderFiles) -> Source:
    files = found.files
    if all(len(paths) == 1 and is_llama_index(paths[0]) for paths in files.values()):
        one_each = {split: paths[0] for split, paths in files.items()}
        return BeirSource(name, LlamaIndexFiles(folder.resolve().name, str(folder), one_each))
    return FileSource(name, found.what, files, folder)


def _nothing_to_read(name: str, folder: Path, readable: Sequence[Path]) -> DataError:
    if {"modules.json", "tokenizer.json", "config_sentence_transformers.json"} & {one.name for one in entries(folder)}:
        return DataError("this is the folder of a model, not data", where=name, next="name it with --model")
    if readable:
        names = ", ".join(path.name for path in readable[:12])
        return DataError(
            f"several files could be meant ({names}), but none of them is named train, dev or test",
            where=name,
            next=f"name one of them: --data {folder / readable[0].name}",
        )
    sets = [one for one in folders_in(folder) if is_beir(one)]
    if sets:
        names = ", ".join(one.name for one in sets[:12])
        return DataError(f"this folder has several sets: {names}", where=name, next=f"name one: --data {sets[0]}")
    there = ", ".join(entry.name for entry in entries(folder)[:12]) or "no files"
    return DataError(
        f"there is nothing to read in this folder; it contains {there}",
        where=name,
        next=f"use a BEIR folder (corpus, queries, qrels/), or files ending in {', '.join(READABLE)}, also in a .zip",
    )
