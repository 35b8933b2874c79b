"""What each cluster is about: keywords, the nearest examples, doubtful texts, labels, the nearest other cluster."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from embedtune.clustering.method import ClusterItems
from embedtune.clustering.partition import NOISE
from embedtune.clustering.series.shape import padded
from embedtune.clustering.words.keywords import Keyword, count_words, keywords
from embedtune.clustering.words.stems import vocabulary
from embedtune.config.verbs.cluster import TopicsSection
from embedtune.reports.results.cluster import (
    ClusterLabel,
    ClusterNeighbour,
    ClusterText,
    ClusterWord,
    FoundCluster,
)
from embedtune.workflows.cluster.items.reading import ClusteredRow, ClusteredRows, RowFacts
from embedtune.workflows.cluster.nearness import Nearness

NAMED_BY = 3
"""Keywords that make the name of a cluster."""
DOUBTFUL = 2
"""Texts between two clusters that are shown for each."""
LABELS = 5
SHOWN = 300
"""Characters of a text that a result holds."""
STEPS = 100
"""Steps of a mean series that a result holds."""


@dataclass(frozen=True)
class ClusterContents:
    """What the clusters are made of.

    Args:
        rows: all rows of the source.
        facts: about them.
        items: the distinct ones, as they were clustered.
        labels: the cluster of each distinct item (n,).
        row_labels: the cluster of each row (rows,).
        near: how near each distinct item is to its cluster.
    """

    rows: ClusteredRows
    facts: RowFacts
    items: ClusterItems
    labels: np.ndarray
    row_labels: np.ndarray
    near: Nearness

    @property
    def k(self) -> int:
        """How many clusters there are."""
        return int(self.labels.max(initial=NOISE)) + 1


def describe(contents: ClusterContents, section: TopicsSection) -> list[FoundCluster]:
    """Every cluster in words, the largest first."""
    words = _keywords(contents, section.keywords)
    typical = [_typical(contents, one, section.examples) for one in range(contents.k)]
    doubtful = [_doubtful(contents, one) for one in range(contents.k)]
    texts = dict(_fetched(contents, [place for group in (*typical, *doubtful) for place in group]))
    sizes = np.bincount(contents.row_labels[contents.row_labels >= 0], minlength=contents.k)
    return [
        FoundCluster(
            cluster=one,
            name=_name(words[one], [texts[place] for place in typical[one]]),
            size=int(sizes[one]),
            share=round(float(sizes[one]) / len(contents.row_labels), 6),
            keywords=tuple(ClusterWord(*word) for word in words[one]),
            examples=tuple(_text(contents, place, texts) for place in typical[one]),
            doubtful=tuple(_text(contents, place, texts) for place in doubtful[one]),
            cohesion=_cohesion(contents, one),
            nearest=_nearest(contents.near, one),
            labels=tuple(_labels(contents, one)),
            shape=_shape(contents, one),
        )
        for one in range(contents.k)
    ]


def _keywords(contents: ClusterContents, most: int) -> list[list[Keyword]]:
    if contents.facts.kind != "texts":
        return [[] for _ in range(contents.k)]
    own = contents.facts.rows
    words = vocabulary(text for batch in contents.rows.batches(own, 4096) for text in batch)
    texts = (text for batch in contents.rows.batches(own, 4096) for text in batch)
    often, inside = count_words(texts, contents.labels.tolist(), contents.k, words)
    return keywords(often, inside, words, most)


def _name(words: Sequence[Keyword], examples: Sequence[ClusteredRow]) -> str:
    """The first keywords; without any, the beginning of the most typical text."""
    named = ", ".join(one.word for one in words[:NAMED_BY])
    return named or next((row.text[:60] or row.id for row in examples), "")


def _typical(contents: ClusterContents, cluster: int, most: int) -> list[int]:
    """The members nearest to the middle: by cosine, by distance, or by links inside the cluster; ties by row."""
    members = np.flatnonzero(contents.labels == cluster)
    similarity = contents.near.similarity[members]
    if np.isnan(similarity).all():
        if contents.items.distances is not None:
            similarity = -contents.items.distances[np.ix_(members, members)].sum(axis=1)
        elif contents.items.links is not None:
            similarity = np.asarray(contents.items.links[members][:, members].sum(axis=1)).ravel()
        else:
            similarity = np.zeros(len(members))
    return [int(place) for place in members[np.argsort(-similarity, kind="stable")[:most]]]


def _doubtful(contents: ClusterContents, cluster: int) -> list[int]:
    """The members that are nearly as near to another cluster, the most doubtful first."""
    members = np.flatnonzero(contents.labels == cluster)
    margin = contents.near.margin[members]
    order = np.argsort(np.where(np.isnan(margin), np.inf, margin), kind="stable")[:DOUBTFUL]
    return [int(members[one]) for one in order if not np.isnan(margin[one]) and len(members) > 1]


def _fetched(contents: ClusterContents, places: Sequence[int]) -> Iterator[tuple[int, ClusteredRow]]:
    """Distinct item -> its first row."""
    wanted = {int(contents.facts.rows[place]): place for place in places}
    for number, row in enumerate(contents.rows):
        if number in wanted:
            yield wanted[number], row


def _text(contents: ClusterContents, place: int, texts: dict[int, ClusteredRow]) -> ClusterText:
    row, similarity = texts[place], float(contents.near.similarity[place])
    return ClusterText(row.id, _excerpt(row.text), None if np.isnan(similarity) else round(similarity, 4))


def _excerpt(text: str) -> str:
    """The beginning of a text, cut between words."""
    return text if len(text) <= SHOWN else f"{text[:SHOWN].rpartition(' ')[0] or text[:SHOWN]} …"


def _cohesion(contents: ClusterContents, cluster: int) -> float | None:
    own = contents.near.similarity[contents.labels == cluster]
    return None if not len(own) or np.isnan(own).all() else round(float(np.nanmean(own)), 4)


def _nearest(near: Nearness, cluster: int) -> ClusterNeighbour | None:
    if near.between is None or len(near.between) < 2:
        return None
    row = near.between[cluster].copy()
    row[cluster] = -np.inf
    return ClusterNeighbour(int(row.argmax()), round(float(row.max()), 4))


def _labels(contents: ClusterContents, cluster: int) -> Iterator[ClusterLabel]:
    """The most frequent labels of the rows of a cluster; ties in alphabetical order."""
    if not contents.facts.labels:
        return
    counts = Counter(contents.facts.labels[row] for row in np.flatnonzero(contents.row_labels == cluster).tolist())
    del counts[""]
    for label, count in sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:LABELS]:
        yield ClusterLabel(label, count)


def _shape(contents: ClusterContents, cluster: int) -> tuple[float, ...]:
    """The mean series of a cluster, its first channel at `STEPS` steps or fewer."""
    if contents.items.series is None:
        return ()
    own = [contents.items.series[place] for place in np.flatnonzero(contents.labels == cluster).tolist()]
    mean = padded(own).mean(axis=0)[:, 0]
    steps = np.linspace(0, len(mean) - 1, min(STEPS, len(mean)))
    return tuple(round(float(value), 4) for value in np.interp(steps, np.arange(len(mean)), mean))
