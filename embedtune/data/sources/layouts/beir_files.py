"""The files of a retrieval set: flat as BEIR has them, in folders of shards as MTEB has them, or saved by `datasets`.

corpus.jsonl   or corpus/corpus-00000-of-00002.parquet   or corpus/<split>-00000-of-00001.parquet
queries.jsonl  or queries/...
qrels/test.tsv or qrels/test-00000-of-00001.parquet, default/..., data/..., qrels.tsv
"""

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

from embedtune.data.sources.layouts.judgments import open_judgments
from embedtune.data.sources.layouts.places import archive_of, entries, files_in, folders_in, is_folder
from embedtune.data.sources.layouts.splits import refuse_two, split_of, unsharded
from embedtune.data.sources.problems import Problems
from embedtune.data.sources.streams import plain_stem, plain_suffix, refuse_odd, sha256
from embedtune.data.sources.tables import READABLE, RecordTable, open_table
from embedtune.errors import DataError
from embedtune.findings import counted

PARTS = ("corpus", "queries")
JUDGMENTS = ("qrels", "default", "data")
"""The folders that may hold judgments, the likeliest first; MTEB calls its judgments `default` or `data`."""
JUDGING = (*READABLE, ".trec", ".qrels", ".qrel")
"""Suffixes of files of judgments."""
ONLY = "test"
"""The split of judgments whose file does not name one."""
_NAMED = re.compile(r"qrels[._-](?P<split>.+)", re.IGNORECASE)


class BeirFiles:
    """The files of one retrieval set.

    Args:
        folder: which holds them, on disk or within an archive.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name.removesuffix(".zip") if archive_of(self.folder) else self.folder.resolve().name

    @property
    def where(self) -> str:
        """What errors about it name."""
        return str(self.folder)

    @property
    def what(self) -> str:
        """What it is, in words."""
        inside = archive_of(self.folder)
        words = [f"{self.name} in {inside[0].name}" if inside and inside[1] else self.folder.resolve().name]
        if self.corpus and self.corpus[0].parent != self.folder:
            words.append(f"its corpus in {counted(len(self.corpus), 'file')} of corpus/")
        unnamed = [path for path in self.judged.get(ONLY, []) if not _split_within(path, *JUDGMENTS)]
        words += [f"{path.name} as split {ONLY}" for path in unnamed]
        return f"a BEIR folder ({'; '.join(words)})"

    @cached_property
    def corpus(self) -> list[Path]:
        """The files of its documents; empty where it has none."""
        return part_files(self.folder, "corpus")

    @cached_property
    def queries(self) -> list[Path]:
        """The files of its queries; empty where it has none."""
        return part_files(self.folder, "queries")

    @property
    def pairs(self) -> Path | None:
        """The file of training pairs next to its corpus."""
        return table_file(self.folder, "pairs")

    @cached_property
    def judged(self) -> dict[str, list[Path]]:
        """Split -> the files of its judgments."""
        return qrels_files(self.folder)

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that have judgments."""
        return tuple(self.judged)

    def documents(self, problems: Problems | None = None) -> Iterator[tuple[str, RecordTable]]:
        """The tables of its documents, each with the split that alone has them, "" for all."""
        return ((_split_within(path, "corpus"), open_table(path, problems)) for path in self.corpus)

    def questions(self, problems: Problems | None = None) -> Iterator[RecordTable]:
        """The tables of its queries."""
        return (open_table(path, problems) for path in self.queries)

    def judgments(self, split: str, problems: Problems) -> Iterator[RecordTable]:
        """The tables of judgments of a split."""
        return (open_judgments(path, problems) for path in self.judged[split])

    def hashes(self, splits: Sequence[str]) -> dict[str, str]:
        """File name within the folder -> sha256: corpus, queries, and the judgments of these splits."""
        judged = [path for split in splits for path in self.judged.get(split, [])]
        return self.document_hashes() | self._hashes([*self.queries, *judged])

    def document_hashes(self) -> dict[str, str]:
        """The same for the corpus."""
        return self._hashes(self.corpus)

    def members(self) -> list[Path]:
        """The files of its corpus, queries and judgments."""
        return [*self.corpus, *self.queries, *(path for paths in self.judged.values() for path in paths)]

    def _hashes(self, paths: Sequence[Path]) -> dict[str, str]:
        return {path.relative_to(self.folder).as_posix(): sha256(path) for path in paths}


def is_beir(folder: Path) -> bool:
    """Whether a folder looks like a BEIR folder: it has a corpus, and queries or judgments."""
    return bool(part_files(folder, "corpus")) and (
        bool(part_files(folder, "queries")) or is_folder(folder / "qrels") or bool(qrels_files(folder))
    )


def table_file(folder: Path, stem: str) -> Path | None:
    """The file of this name that can be read as records, whatever its suffix.

    Raises:
        DataError: there are two.
    """
    readable = [path for path in files_in(folder) if plain_stem(path) == stem and plain_suffix(path) in READABLE]
    if len(readable) > 1:
        names = " and ".join(path.name for path in readable)
        raise DataError(f"two files are named {stem}: {names}", where=str(folder), next="keep one of them")
    return readable[0] if readable else None


def part_files(folder: Path, part: str) -> list[Path]:
    """The files of the corpus or of the queries: one of this name, or those in a folder of this name."""
    flat = table_file(folder, part)
    return [flat] if flat else _within(folder / part, READABLE)


def qrels_files(folder: Path) -> dict[str, list[Path]]:
    """Split name -> files of judgments, which are in a folder of their own or next to the corpus.

    Raises:
        DataError: two files are for one split.
    """
    found = _within(folder / JUDGMENTS[0], JUDGING)
    found = found or [path for path in files_in(folder) if is_judging(path)]
    for other in JUDGMENTS[1:] if part_files(folder, "queries") else ():
        found = found or _within(folder / other, JUDGING)
    by_split: dict[str, list[Path]] = {}
    for path in found:
        by_split.setdefault(_split_within(path, *JUDGMENTS), []).append(path)
    if "" in by_split:
        by_split.setdefault(ONLY, []).extend(by_split.pop(""))
    for split, paths in by_split.items():
        refuse_two(split, paths, str(folder))
    return dict(sorted(by_split.items()))


def is_judging(path: Path) -> bool:
    """Whether a file next to the corpus holds judgments: `qrels.tsv`, `qrels-dev.txt`, `test.qrels`."""
    if plain_suffix(path) not in JUDGING:
        return False
    return plain_suffix(path) in JUDGING[-2:] or bool(re.match(r"qrels([._-]|$)", plain_stem(path), re.IGNORECASE))


def _split_within(path: Path, *parts: str) -> str:
    """The split that a file is for, "" for none: by its name, else by the folder that `datasets` saved it in."""
    name = unsharded(path)
    named = _NAMED.fullmatch(name)
    if named:
        return named["split"]
    if name == "data" and path.parent.name not in parts:
        name = path.parent.name
    if "qrels" in parts:
        return "" if name.lower() in (*parts, *PARTS) else name
    return split_of(Path(name))


def _within(folder: Path, suffixes: Sequence[str]) -> list[Path]:
    """The readable files in a folder, or in the folders within it, where `datasets` saved a split in each."""
    for path in entries(folder):
        if _is_data(path, suffixes):
            refuse_odd(path)  # or a pipe named test.tsv would pass for no judgments
    files = [path for path in files_in(folder) if _is_data(path, suffixes)]
    return files or [path for one in folders_in(folder) for path in files_in(one) if _is_data(path, suffixes)]


def _is_data(path: Path, suffixes: Sequence[str]) -> bool:
    return plain_suffix(path) in suffixes and path.stem.lower() not in NOT_DATA


NOT_DATA = ("readme", "license", "state", "dataset_info", "dataset_dict", "dataset_infos")
"""What stands next to data without being data."""
