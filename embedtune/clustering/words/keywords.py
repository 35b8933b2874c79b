"""Keywords of clusters: words frequent in one and rare in the others."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from embedtune.clustering.words.stems import TopicWords

FEWEST = 2
"""Texts of a cluster that a keyword occurs in; one text is not a topic."""
WIDE = 0.5
"""A word in more than this share of the clusters names none of them."""
_MANY = 5
"""Clusters from which a share of them says anything."""


class Keyword(NamedTuple):
    """A word and its c-TF-IDF weight."""

    word: str
    weight: float


def ctfidf(counts: np.ndarray) -> np.ndarray:
    """Weights of words in clusters: float64 (K, V).

    count / words of the cluster * ln(1 + A / count over all clusters), with A the mean number of words per cluster.

    Source: Grootendorst 2022, arXiv:2203.05794; BERTopic cuts A to a whole number, the paper does not.

    Args:
        counts: (K, V) how often each cluster has each word.
    """
    totals = counts.sum(axis=1, keepdims=True)  # (K, 1)
    rarity = np.log1p(totals.mean() / np.maximum(counts.sum(axis=0), 1))  # (V,)
    return np.asarray(counts / np.maximum(totals, 1) * rarity)


def count_words(
    texts: Iterable[str], labels: Sequence[int], k: int, words: TopicWords
) -> tuple[list[Counter[str]], list[Counter[str]]]:
    """How often each cluster has each stem, and in how many of its texts.

    Args:
        texts: n texts.
        labels: the cluster of each, -1 for none.
        k: clusters.
        words: of the corpus.
    """
    often, inside = [Counter[str]() for _ in range(k)], [Counter[str]() for _ in range(k)]
    for text, label in zip(texts, labels, strict=True):
        if label >= 0:
            stems = list(words.stems(text))
            often[label].update(stems)
            inside[label].update(set(stems))
    return often, inside


def keywords(
    often: Sequence[Mapping[str, int]], inside: Sequence[Mapping[str, int]], words: TopicWords, most: int = 8
) -> list[list[Keyword]]:
    """The words with the largest weights of each cluster, as they are usually written.

    Args:
        often: per cluster, stem -> how often.
        inside: per cluster, stem -> in how many texts.
        words: of the corpus.
        most: keywords per cluster.
    """
    stems = sorted({stem for counts in often for stem in counts})
    place = {stem: number for number, stem in enumerate(stems)}
    totals = np.array([sum(counts.values()) for counts in often], dtype=np.float64)  # (K,)
    overall, spread = np.zeros(len(stems)), np.zeros(len(stems))
    for counts in often:
        for stem, count in counts.items():
            overall[place[stem]] += count
            spread[place[stem]] += 1
    rarity = np.log1p(totals.mean() / np.maximum(overall, 1)) if len(totals) else overall  # (V,)
    wide = spread > WIDE * len(often) if len(often) >= _MANY else np.zeros(len(stems), dtype=bool)
    # A cluster at a time, since K x V numbers of a large corpus would not fit.
    return [
        _best(counts, own, total, rarity, wide, place, words, most)
        for counts, own, total in zip(often, inside, totals, strict=True)
    ]


def _best(
    counts: Mapping[str, int],
    inside: Mapping[str, int],
    total: float,
    rarity: np.ndarray,
    wide: np.ndarray,
    place: Mapping[str, int],
    words: TopicWords,
    most: int,
) -> list[Keyword]:
    """The keywords of one cluster; those of all clusters, or of a single text, only where there are no others."""
    weight = {stem: count / total * float(rarity[place[stem]]) for stem, count in counts.items()}
    order = sorted(weight, key=lambda stem: (wide[place[stem]], inside[stem] < FEWEST, -weight[stem], stem))
    kept = [stem for stem in order if not wide[place[stem]] and inside[stem] >= FEWEST] or order
    return [Keyword(words.shown(stem), round(weight[stem], 6)) for stem in kept[:most]]
