"""What a document could be asked for, from its own words: its title, its key words, one of its sentences.

Each query comes with the text that it is to find. Whatever the query was taken from is left out of that text, or the
task would be to find a copy.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from embedtune.clustering.words.stems import TopicWords
from embedtune.data.sources.documents import TitledText
from embedtune.data.texts.segment import sentences

Kind = Literal["title", "keywords", "claim", "question"]
KINDS: tuple[Kind, ...] = ("title", "keywords", "claim", "question")
OFFLINE: tuple[Kind, ...] = ("title", "keywords", "claim")
KEYWORDS = 4
"""Words of a query of key words, about what people type into a search box."""
CLAIM_WORDS = (4, 40)
"""Fewest and most words, split at spaces, of a sentence that is a query."""


_KOREAN_VERB = re.compile(
    r".*(?:[가-힣]니다|(?:하|되|드리|해드리|시키)(?:고|며|면|는|여)|[해돼어아나까세]요|도록|려면)"
)
"""Verbs and adjectives as sentences end or join them; nobody types them into a search box."""


class MadeQuery(NamedTuple):
    """A query for a document.

    Args:
        document: number of the document.
        kind: how the query was made.
        query: its text.
        positive: the text that it is to find.
    """

    document: int
    kind: Kind
    query: str
    positive: str


class CorpusWords:
    """The words of a corpus and in how many of its documents each is.

    Args:
        words: stems of the corpus.
        texts: all documents.
    """

    def __init__(self, words: TopicWords, texts: Sequence[str]) -> None:
        self._words, self._count = words, len(texts)
        self._spread = Counter(stem for text in texts for stem in set(words.stems(text)))

    def weights(self, text: str) -> dict[str, float]:
        """Stem -> (1 + ln of how often it occurs) ln(documents / documents that have it); 0 for one that all have."""
        return {
            stem: (1 + math.log(count)) * math.log(self._count / max(self._spread[stem], 1))
            for stem, count in Counter(self._words.stems(text)).items()
        }

    def keywords(self, text: str, most: int) -> list[str]:
        """The heaviest words of a text, as people write them, in the order in which the text has them."""
        weights = self.weights(text)
        usable = [one for one in weights if weights[one] > 0 and not _KOREAN_VERB.fullmatch(self._words.shown(one))]
        best = sorted(usable, key=lambda one: (-weights[one], one))[:most]
        return [self._words.shown(stem) for stem in weights if stem in best]


def offline_queries(
    number: int, document: TitledText, kind: Kind, words: CorpusWords, most: int
) -> Iterator[MadeQuery]:
    """At most so many queries of one kind for a document."""
    if kind == "title":
        if document.title:
            yield MadeQuery(number, kind, document.title, document.body)
    elif kind == "keywords":
        # Titles often hold the key words, and then the query is one that a title would answer.
        found = words.keywords(document.body, KEYWORDS)
        if len(found) >= 2:
            yield MadeQuery(number, kind, " ".join(found), document.body)
    else:
        yield from _claims(number, document, words, most)


def _claims(number: int, document: TitledText, words: CorpusWords, most: int) -> Iterator[MadeQuery]:
    """The sentences that say most about a document, each with the rest of the document."""
    parts = sentences(document.body)
    fewest, longest = CLAIM_WORDS
    usable = [place for place, part in enumerate(parts) if fewest <= len(part.split()) <= longest]
    if len(parts) < 2:
        return
    weight = {place: _density(words.weights(parts[place]), parts[place]) for place in usable}
    for place in sorted(usable, key=lambda one: (-weight[one], one))[:most]:
        rest = " ".join(part for other, part in enumerate(parts) if other != place)
        yield MadeQuery(number, "claim", parts[place], rest)


def _density(weights: dict[str, float], sentence: str) -> float:
    return sum(weights.values()) / math.sqrt(len(sentence.split()))
