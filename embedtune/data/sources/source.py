"""The one entry to data: a file, a folder, a Hub name or the samples, told apart and opened, not yet split."""

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from embedtune.data.formats import Part, read_part
from embedtune.data.rows import LabelledTexts, RawTexts, Rows, ScoredPairs
from embedtune.data.sources.beir import is_beir, qrels_files, table_file
from embedtune.data.sources.hub import HubSet
from embedtune.data.sources.streams import missing, plain_stem, plain_suffix, refuse_odd, sha256
from embedtune.data.sources.tables import READABLE, check_suffix, open_table
from embedtune.errors import DataError

SAMPLES = "samples"
# How people call the split between training and test.
ALIASES = {
    "train": ("train", "training"),
    "dev": ("dev", "valid", "validation", "val", "eval", "development"),
    "test": ("test",),
}
Content = TypeVar("Content", Rows | LabelledTexts | RawTexts, ScoredPairs)
_SHARD = re.compile(r"(?P<split>.+?)-\d+-of-\d+")


class Source:
    """One named source of data. `splits` is empty when the source is not divided.

    Args:
        name: as the user named it.
        what: what it was taken for: "a BEIR folder (welfare-ko)".
        splits: its split names, as the source calls them.
    """

    def __init__(self, name: str, what: str, splits: tuple[str, ...]) -> None:
        self.name = name
        self.what = what
        self.splits = splits

    def find(self, split: str) -> str | None:
        """The source's own name for a split: exactly, or by another usual name of it."""
        if split in self.splits:
            return split
        names = next((names for names in ALIASES.values() if split in names), ())
        return next((name for name in names if name in self.splits), None)

    def demand(self, split: str, option: str) -> str:
        """The source's own name for a split.

        Raises:
            DataError: the source has no such split.
        """
        found = self.find(split)
        if found is None:
            there = f"it has {', '.join(self.splits)}" if self.splits else "it is not divided into splits"
            raise DataError(
                f"there is no split {split!r} in {self.what}; {there}",
                where=self.name,
                next=f"{option} {self._nearest(split)}" if self.splits else f"leave {option} out",
            )
        return found

    def _nearest(self, split: str) -> str:
        return (get_close_matches(split, self.splits, n=1) or self.splits)[0]


class TableSource(Source):
    """A file, a folder with a file per split, or a Hub set: tables, whose columns tell what they hold."""

    def __init__(self, name: str, what: str, files: Mapping[str, list[Path]], hub: HubSet | None = None) -> None:
        splits = hub.splits if hub else tuple(split for split in files if split)
        super().__init__(name, what, splits)
        self.files = files
        self.hub = hub

    def part(self, split: str, columns: Mapping[str, str], group: str | None) -> Part:
        """The rows of a split ("" for all of an undivided source)."""
        if self.hub:
            return read_part(self.hub.table(split), columns, group)
        paths = self.files[split]
        if len(paths) == 1:
            return read_part(open_table(paths[0]), columns, group)
        return _joined([read_part(open_table(path), columns, group) for path in paths])

    def hashes(self, splits: tuple[str, ...]) -> dict[str, str]:
        """File name -> sha256."""
        if self.hub:
            return self.hub.fingerprints(splits)
        return {path.name: sha256(path) for split in splits for path in self.files[split]}


class BeirSource(Source):
    """A BEIR folder; `pairs` is the file of training pairs beside it, when that is its training split."""

    def __init__(self, name: str, folder: Path) -> None:
        self.folder = folder
        judged = tuple(qrels_files(folder))
        pairs = table_file(folder, "pairs")
        self.pairs = pairs if not any(name in judged for name in ALIASES["train"]) else None
        self.ignored = pairs if self.pairs is None else None
        if not judged and self.pairs is None:
            raise DataError("a BEIR folder needs judgments in qrels/<split>.tsv, or pairs.jsonl", where=str(folder))
        splits = ("train", *judged) if self.pairs else judged
        super().__init__(name, f"a BEIR folder ({folder.resolve().name})", splits)

    def hashes(self, splits: tuple[str, ...]) -> dict[str, str]:
        """File name within the folder -> sha256."""
        judged = qrels_files(self.folder)
        paths = [table_file(self.folder, "corpus"), table_file(self.folder, "queries"), self.pairs]
        paths += [judged.get(split) for split in splits]
        return {str(path.relative_to(self.folder).as_posix()): sha256(path) for path in paths if path is not None}


def open_source(name: str) -> TableSource | BeirSource:
    """Find out what a name stands for.

    Raises:
        DataError: there is no such thing, or nothing in it can be read.
    """
    if name.startswith("hf:"):
        return TableSource(name, f"the Hub set {name[3:]}", {}, HubSet(name))
    path = _samples() if name == SAMPLES else Path(name).expanduser()
    refuse_odd(path)
    if path.is_dir():
        return _folder(name, path)
    if path.is_file():
        check_suffix(path)
        return TableSource(name, path.name, {"": [path]})
    error = missing(path)
    if error.next is None and re.fullmatch(r"[\w.-]+/[\w.-]+", name):
        error.next = f"if this is a data set of the Hugging Face Hub, write hf:{name}"
    raise error


def _samples() -> Path:
    from embedtune.config.recipe.shipped import samples_folder  # noqa: PLC0415  (only this source needs it)

    return Path(samples_folder())


def _folder(name: str, folder: Path) -> TableSource | BeirSource:
    try:
        if is_beir(folder):
            return BeirSource(name, folder)
        files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    except PermissionError as error:
        raise DataError("the folder may not be read", where=name, next="check its permissions") from error
    readable = [path for path in files if plain_suffix(path) in READABLE and plain_suffix(path) != ".txt"]
    readable = readable or [path for path in files if plain_suffix(path) == ".txt"]
    by_split: dict[str, list[Path]] = {}
    for path in readable:
        by_split.setdefault(_split_of(path), []).append(path)
    divided = {split: paths for split, paths in by_split.items() if split}
    for split, paths in divided.items():
        if len(paths) > 1 and not all(_SHARD.fullmatch(plain_stem(path)) for path in paths):
            names = " and ".join(path.name for path in paths)
            raise DataError(f"two files claim to be the split {split!r}: {names}", where=name, next="keep one of them")
    what = f"the folder {folder.resolve().name}"
    if divided:
        return TableSource(name, what, divided)
    if len(readable) == 1:
        return TableSource(name, f"{readable[0].name} in {what}", {"": readable})
    raise _nothing_to_read(name, folder, readable)


def _nothing_to_read(name: str, folder: Path, readable: list[Path]) -> DataError:
    if readable:
        names = ", ".join(path.name for path in readable[:12])
        return DataError(
            f"several files could be meant ({names}), and none is named train, dev or test",
            where=name,
            next=f"name one of them: --data {folder / readable[0].name}",
        )
    there = ", ".join(sorted(entry.name for entry in folder.iterdir())[:12]) or "nothing at all"
    return DataError(
        f"there is nothing to read in this folder; it holds {there}",
        where=name,
        next=f"needed: a BEIR folder (corpus, queries, qrels/), or files ending in {', '.join(READABLE)}",
    )


def _split_of(path: Path) -> str:
    """The split a file name speaks of, "" when of none."""
    stem = plain_stem(path)
    shard = _SHARD.fullmatch(stem)
    stem = (shard["split"] if shard else stem).lower()
    return stem if any(stem in names for names in ALIASES.values()) else ""


def _joined(parts: list[Part]) -> Part:
    """Shards of one split as one."""
    kinds = {(type(part.content), part.scored is None) for part in parts}
    if len(kinds) > 1:
        raise DataError(
            "the files of one split hold different things: " + ", ".join(sorted(part.unit for part in parts))
        )
    said, findings = sum((part.said for part in parts), ()), sum((part.findings for part in parts), ())
    scored = [part.scored for part in parts if part.scored is not None]
    content = _one_after_another([part.content for part in parts])
    return Part(content, parts[0].unit, said, findings, _one_after_another(scored) if scored else None)


def _one_after_another(contents: Sequence[Content]) -> Content:
    """Columns of one kind joined."""
    first = contents[0]
    columns: dict[str, Any] = {}
    for field in first.__dataclass_fields__:
        values = [getattr(content, field) for content in contents]
        if field == "negatives" and any(values):
            values = [value or [()] * len(content) for value, content in zip(values, contents, strict=True)]
        columns[field] = None if any(value is None for value in values) else [v for value in values for v in value]
    return type(first)(**columns)
