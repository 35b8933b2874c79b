"""The texts that two encoders are compared on: judged queries over documents, and other texts to learn a map from.

What a map is fitted on is never tested on: other documents, and queries of the training split only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from embedtune.config.sections.learned_data import DataSection
from embedtune.data.prepare import prepare
from embedtune.data.rows import RawTexts, RetrievalSet
from embedtune.data.sources.judged_source import judge, open_split
from embedtune.data.sources.source import open_source
from embedtune.errors import DataError
from embedtune.findings import Finding, counted
from embedtune.workflows.shared.guard.sampled import sampled

QUERIES, DOCUMENTS = 500, 5_000
"""Most test queries, and most documents tested on or fitted on."""
FEWEST_TEST, FEWEST_FIT = 20, 100


@dataclass(frozen=True)
class SpaceTexts:
    """Texts of a comparison of two encoders.

    Args:
        judged: test queries over their documents.
        documents: other documents, to fit a map on.
        queries: queries of the training split, to fit a map on.
        is_judged: whether people judged the queries; otherwise each stands for itself.
    """

    judged: RetrievalSet
    documents: Sequence[str]
    queries: Sequence[str]
    described: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    hashes: Mapping[str, str] = field(default_factory=dict)
    is_judged: bool = True


def read_space_texts(name: str, columns: Mapping[str, str], *, seed: int) -> SpaceTexts:
    """The texts of a set: those of its test split, and others to fit on.

    Raises:
        DataError: it cannot be read, or holds too few texts.
    """
    source = open_source(name)
    if source.splits and source.find("train") is None:
        return _of_test_split(name, columns, seed)
    opened = open_split(name, "train" if source.splits else "test", columns)
    if opened.part is not None and isinstance(opened.part.content, RawTexts):
        return _of_raw_texts(name, opened.part.content, opened.hashes, seed)
    data = prepare(DataSection(source=name, columns=dict(columns)), seed, source=source)
    if data.test is None:
        raise DataError("there are too few rows for a test split", where=name, next="give more")
    judged = _smaller(data.test, seed)
    tested = {*judged.corpus.values(), *data.test.queries.values()}
    anchors = [text for text in dict.fromkeys(data.train.anchors) if text not in tested]
    asked = set(anchors)
    documents = [text for text in dict.fromkeys(data.texts) if text not in tested and text not in asked]
    return _checked(name, SpaceTexts(judged, documents, anchors, data.described, (), data.hashes), seed)


def _of_test_split(name: str, columns: Mapping[str, str], seed: int) -> SpaceTexts:
    read = judge(open_split(name, "test", columns), seed=seed)
    judged = _smaller(read.judged, seed)
    tested = set(judged.corpus.values())
    documents = [text for text in dict.fromkeys(read.judged.corpus.values()) if text not in tested]
    return _checked(name, SpaceTexts(judged, documents, (), read.described, read.findings, read.hashes), seed)


def _of_raw_texts(name: str, content: RawTexts, hashes: Mapping[str, str], seed: int) -> SpaceTexts:
    """Texts alone: some of them ask for their neighbours among half of the others, judged by the new encoder alone."""
    texts = list(dict.fromkeys(content.texts))
    order = np.random.default_rng(seed).permutation(len(texts)).tolist()
    count = min(QUERIES, len(texts) // 5)
    asking, rest = [texts[row] for row in order[:count]], [texts[row] for row in order[count:]]
    searched, fitted = rest[: min(DOCUMENTS, len(rest) // 2)], rest[min(DOCUMENTS, len(rest) // 2) :]
    corpus = {f"d{row}": text for row, text in enumerate(searched)}
    # The first document is taken for relevant, so that the set can be ranked; no figure rests on it.
    judged = RetrievalSet(
        name,
        {f"q{row}": text for row, text in enumerate(asking)},
        corpus,
        {f"q{row}": {"d0": 1} for row in range(count)},
    )
    said = f"{counted(len(texts), 'text')} without judged queries: {count:,} of them serve as queries"
    return _checked(name, SpaceTexts(judged, fitted, (), (said,), (), hashes, is_judged=False), seed)


def _smaller(judged: RetrievalSet, seed: int) -> RetrievalSet:
    """The test set, drawn smaller where it is large; half of a small corpus stays for fitting."""
    return sampled(judged, seed, queries=QUERIES, documents=min(DOCUMENTS, max(1, len(judged.corpus) // 2)))


def _checked(name: str, texts: SpaceTexts, seed: int) -> SpaceTexts:
    if len(texts.judged) < FEWEST_TEST:
        raise DataError(
            f"at least {FEWEST_TEST} test queries are needed, there are {len(texts.judged):,}",
            where=name,
            next="give more",
        )
    rng = np.random.default_rng(seed)

    def drawn(own: Sequence[str]) -> list[str]:
        return [own[row] for row in np.sort(rng.permutation(len(own))[:DOCUMENTS]).tolist()]

    said = f"tested on {counted(len(texts.judged), 'query')} over {counted(len(texts.judged.corpus), 'document')}"
    return replace(
        texts,
        documents=drawn(texts.documents),
        queries=drawn(texts.queries),
        described=(*texts.described, said),
    )
