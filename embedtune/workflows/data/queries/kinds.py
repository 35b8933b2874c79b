"""What a document could be asked for, from its own words: its title, its key words, one of its sentences.

Each query comes with the text that it is to find. Whatever a query was taken from is left out of that text, or the task
would be to find a copy. All queries of a document are to find the same text: with two versions of it in the corpus, one
would be a right answer that counts as wrong, and would hold the sentence that asks for the other.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from embedtune.clustering.words.stems import TopicWords
from embedtune.data.sources.documents import TitledText
from embedtune.data.texts.segment import sentences
from embedtune.workflows.data.queries.korean import noun_of

Kind = Literal["title", "keywords", "claim", "question"]
KINDS: tuple[Kind, ...] = ("title", "keywords", "claim", "question")
OFFLINE: tuple[Kind, ...] = ("title", "keywords", "claim")
KEYWORDS = 4
"""Words of a query of key words, about what people type into a search box."""
CLAIM_WORDS = (4, 40)
"""Fewest and most words, split at spaces, of a sentence that is a query."""


FEWEST_LEFT = 6
"""Words that must be left of a document without the sentence that asks for it."""
_REFERS = re.compile(
    r"(?:다만|또한|또|그리고|그러나|하지만|따라서|그래서|그런데|이후|이때|여기서|네|예|아니요|아니오|이는|이를|이에|이런|이러한|이와"
    r"|이|그|해당|however|but|and|also|so|thus|therefore|this|these|that|those|it|they|he|she|there|such|other|yes|no"
    r"|moreover|furthermore|in addition|for example|then)[ ,]",
    re.IGNORECASE,
)
"""How a sentence begins that goes on from the one before: alone it asks for nothing."""


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
        weights = {stem: weight for stem, weight in self.weights(text).items() if weight > 0}
        shown = {stem: noun_of(self._words.shown(stem)) for stem in weights}
        best = sorted((one for one in weights if shown[one]), key=lambda one: (-weights[one], one))[:most]
        return list(dict.fromkeys(shown[stem] for stem in weights if stem in best))

    def in_common(self, first: str, second: str) -> bool:
        """Whether two texts share a word that says something."""
        return not self.weights(first).keys().isdisjoint(self.weights(second))


def offline_queries(
    number: int, document: TitledText, kinds: Sequence[Kind], words: CorpusWords, most: int
) -> Iterator[MadeQuery]:
    """At most so many queries of each kind for a document, all with the same text to find."""
    claims, text = _claims(document, words, most) if "claim" in kinds else ([], document.body)
    if "title" in kinds and document.title:
        yield MadeQuery(number, "title", document.title, text)
    if "keywords" in kinds:
        # Titles often hold the key words, and then the query is one that a title would answer.
        found = words.keywords(text, KEYWORDS)
        if len(found) >= 2:
            yield MadeQuery(number, "keywords", " ".join(found), text)
    for claim in claims:
        yield MadeQuery(number, "claim", claim, text)


def _claims(document: TitledText, words: CorpusWords, most: int) -> tuple[list[str], str]:
    """The sentences that say most about a document and stand alone, and the rest, which is about the same."""
    parts = sentences(document.body)
    fewest, longest = CLAIM_WORDS
    weight = {
        place: _density(words.weights(part), part)
        for place, part in enumerate(parts)
        if fewest <= len(part.split()) <= longest and not _REFERS.match(part)
    }
    taken: list[int] = []
    text = document.body
    for place in sorted(weight, key=lambda one: (-weight[one], one)):
        if len(taken) == most:
            break
        claims = [*taken, place]
        rest = " ".join(part for other, part in enumerate(parts) if other not in claims)
        about_the_same = all(words.in_common(parts[one], rest) for one in claims)
        if len(rest.split()) >= FEWEST_LEFT and about_the_same:
            taken, text = claims, rest
    return [parts[place] for place in taken], text


def _density(weights: dict[str, float], sentence: str) -> float:
    return sum(weights.values()) / math.sqrt(len(sentence.split()))
