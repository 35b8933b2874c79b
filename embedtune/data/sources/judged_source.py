"""A split of a source as judged queries: what evaluation reads."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from embedtune.data.formats import Part
from embedtune.data.rows import LabelledTexts, RawTexts, RetrievalSet, relevant_pairs
from embedtune.data.sources.base import Source
from embedtune.data.sources.beir_folder import COLUMNS_UNUSED
from embedtune.data.sources.problems import SHOWN
from embedtune.data.sources.source import open_source
from embedtune.data.splits.classes import judged_classes
from embedtune.data.splits.judged_rows import documents_of, judged_from_rows
from embedtune.errors import DataError
from embedtune.findings import Finding, counted
from embedtune.identity import text_ids


@dataclass(frozen=True)
class JudgedSource:
    """A judged set and what is known about it.

    Args:
        judged: all queries with a judgment, including those without a relevant document.
        described: what was read, in sentences.
        findings: what to know about it.
        hashes: source file name -> sha256.
    """

    judged: RetrievalSet
    described: tuple[str, ...]
    findings: tuple[Finding, ...]
    hashes: Mapping[str, str]


def read_judged(
    name: str, split: str, columns: Mapping[str, str], *, seed: int = 0, group: str | None = None
) -> JudgedSource:
    """Read a split of a BEIR folder, or of pairs, whose documents are then all positives and given negatives.

    Args:
        name: a file, a folder, hf:owner/name or samples.
        split: which one; all of an undivided source where it is "test".
        columns: role -> column name.
        seed: for drawing queries from labelled texts.
        group: the column that says which queries count as one in the evidence.

    Raises:
        DataError: the data cannot be used, or has no such split.
    """
    return judge(open_split(name, split, columns, group), seed=seed)


@dataclass(frozen=True)
class OpenSplit:
    """A split that exists, and the rows of one that has rows.

    Args:
        source: the opened source.
        split: its own name for the split; "" for all of an undivided source.
        part: the rows; None where the source has judged queries of its own.
        unused: whether the user named columns of such a source, which cannot be chosen.
        group: the column that says which queries count as one in the evidence.
    """

    source: Source
    split: str
    part: Part | None
    unused: bool = False
    group: str | None = None

    @property
    def what(self) -> str:
        """What it is, in words."""
        return f"{self.source.what}{f', split {self.split}' if self.split else ''}"

    @property
    def name(self) -> str:
        """The name of a set made of it."""
        return _set_name(self.source.name)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What to know about the rows."""
        return () if self.part is None else self.part.findings

    @property
    def hashes(self) -> dict[str, str]:
        """Source file name -> sha256."""
        return self.source.hashes((self.split,))


def open_split(name: str, split: str, columns: Mapping[str, str], group: str | None = None) -> OpenSplit:
    """Find a split and read its rows.

    Raises:
        DataError: the data cannot be used, or has no such split or group column.
    """
    source = open_source(name)
    found = source.demand(split, "--split") if source.splits or split != "test" else ""
    if source.has_corpus:
        return OpenSplit(source, found, None, unused=bool(columns), group=group)
    return OpenSplit(source, found, source.part(found, columns, group), group=group)


def judge(opened: OpenSplit, *, seed: int = 0) -> JudgedSource:
    """The split as judged queries, with findings about them.

    Raises:
        DataError: the data does not say what is relevant to what.
    """
    source = opened.source
    own = source.judged(opened.split, "--split", every_query=True, group=opened.group)
    if own is not None:
        read = JudgedSource(own[0], (COLUMNS_UNUSED,) if opened.unused else (), own[1], opened.hashes)
    else:
        part = opened.part or source.part(opened.split, {}, opened.group)
        read = _judge_part(source.name, part, opened.hashes, seed, opened.group)
    judged = read.judged
    size = f"{counted(len(judged), 'query')} over {counted(len(judged.corpus), 'document')}"
    described = f"{opened.what}: {size}"
    more = [finding for finding in (_without_relevant(judged), _repeated(judged)) if finding]
    return replace(read, described=(described, *read.described), findings=(*read.findings, *more))


def judge_split(
    source: Source, split: str, columns: Mapping[str, str], seed: int, group: str | None = None
) -> JudgedSource:
    """The judged queries of a split that have a relevant document: what training and checks test on.

    `group` is the column that says which of them count as one in the evidence; a split without it has no groups.
    """
    hashes = source.hashes((split,))
    group = source.column_of(split, group)
    own = source.judged(split, "--eval-split", group=group)
    if own is not None:
        return JudgedSource(own[0], (), own[1], hashes)
    return _judge_part(source.name, source.part(split, columns, group), hashes, seed, group)


def _judge_part(name: str, part: Part, hashes: Mapping[str, str], seed: int, group: str | None = None) -> JudgedSource:
    if isinstance(part.content, RawTexts):
        raise _nothing_judged(name, part)
    if isinstance(part.content, LabelledTexts):
        judged, findings = judged_classes(_set_name(name), part.content, seed, group)
    else:
        judged = judged_from_rows(_set_name(name), part.content, documents_of(part.content), group)
        findings = []
    return JudgedSource(judged, part.said, (*part.findings, *findings), hashes)


def _nothing_judged(name: str, part: Part) -> DataError:
    unused = "".join(f" ({sentence.partition(': ')[2]})" for sentence in part.said[-1:])
    return DataError(
        f"these are {len(part.content):,} texts without pairs{unused}; no column says what is relevant",
        where=name,
        next="use a BEIR folder, or rows with query and positive, or with text and label (other names: --columns)",
    )


def _set_name(name: str) -> str:
    return Path(name).name.split(".")[0] or name


def _without_relevant(judged: RetrievalSet) -> Finding | None:
    answered = {query for query, _ in relevant_pairs(judged.qrels)}
    empty = [query for query in judged.queries if query not in answered]
    if not empty:
        return None
    message = f"{counted(len(empty), 'query')} without a relevant document left out of every mean."
    fix = "Judge a document relevant for each, or remove them."
    return Finding("queries-without-relevant", "warning", len(empty), message, fix, tuple(empty[:SHOWN]))


def _repeated(judged: RetrievalSet) -> Finding | None:
    """Documents that repeat another's text: each takes a rank, but only judged ones get the credit."""
    ids = text_ids(judged.corpus.values()).tolist()
    copies = Counter(ids)
    repeats = len(ids) - len(copies)
    if not repeats:
        return None
    text_of = dict(zip(judged.corpus, ids, strict=True))
    relevant = {document for _, document in relevant_pairs(judged.qrels)} & text_of.keys()
    split = sum(copies[text_of[document]] > 1 for document in relevant)
    verb = "repeats" if repeats == 1 else "repeat"
    message = f"{counted(repeats, 'document')} of the corpus {verb} the text of an earlier one"
    message += f"; copies compete with {counted(split, 'relevant document')} for ranks." if split else "."
    examples = [f"document {d}" for d, identity in text_of.items() if copies[identity] > 1]
    severity = "warning" if split else "note"
    return Finding("duplicate-documents", severity, repeats, message, "Keep one of each.", tuple(examples[:SHOWN]))
