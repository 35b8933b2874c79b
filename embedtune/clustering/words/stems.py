"""The words that name clusters: whole words, counted by their stems, shown as people write them.

Pairs of syllables, by which search compares Korean, name nothing ("년월"). So a Korean word is counted without its
particle, where what is left is a word that the corpus also has by itself or before other particles. Words of languages
with a stemmer are counted by their stems, and stop words are left out (`search.word_forms` knows both).
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from embedtune.clustering.words.korean import COMMON, COUNTED, LEAST_STEM, PARTICLES, SURE
from embedtune.search.word_forms import WordForms, recognise

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_ADDRESS = re.compile(r"\S*(?:https?://|www\.)\S*|(?<![\w.])[\w-]+(?:\.[\w-]+)*\.(?:kr|com|net|org|io|gov|edu)\b\S*")
_NUMBER = re.compile(r"\d+[가-힣]*")
"""A number, also with a Korean unit: 2023년."""
_HANGUL = re.compile("[가-힣]+")
_OPTIONAL = re.compile(r"(?<=[가-힣])\(([가-힣])\)(?=[가-힣])")
"""A syllable that a word has with or without: 보훈지(방)청."""


@dataclass
class TopicWords:
    """The words of a corpus: which stem each has, and how each stem is written most often.

    Args:
        forms: stems and stop words of the languages of the corpus.
        written: stem -> how often it is written how.
    """

    forms: WordForms
    stem_of: dict[str, str] = field(default_factory=dict)
    written: dict[str, Counter[str]] = field(default_factory=dict)

    def stems(self, text: str) -> Iterator[str]:
        """The stems of a text's words, without stop words, single letters and numbers."""
        for word in whole_words(text):
            stem = self.stem_of.get(word)
            if stem:
                yield stem

    def shown(self, stem: str) -> str:
        """How a stem is written most often; of equally frequent ones, the shortest."""
        ways = self.written.get(stem)
        return min(ways, key=lambda way: (-ways[way], len(way), way)) if ways else stem


def whole_words(text: str) -> Iterator[str]:
    """The words of a text in lower case, Korean ones with their particles; addresses of the web are left out.

    >>> list(whole_words("The 청년월세를 24 https://x.go.kr/a b.com"))
    ['the', '청년월세를', '24']
    >>> list(whole_words("보훈지(방)청에 신청(접수)을"))
    ['보훈지방청에', '신청', '접수', '을']
    """
    plain = _OPTIONAL.sub(r"\1", _ADDRESS.sub(" ", unicodedata.normalize("NFC", text).lower()))
    for found in _WORD.finditer(plain):
        yield found[0]


def vocabulary(texts: Iterable[str]) -> TopicWords:
    """The words of a corpus, read once."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(whole_words(text))
    made = TopicWords(recognise(counts))
    korean = _korean_stems(counts)
    stop_words = {word for one in made.forms.languages for word in one.stop_words}
    for word, count in counts.items():
        stem = _stem(word, korean, stop_words, made.forms)
        made.stem_of[word] = stem
        if stem:
            way = stem if word in korean else word
            made.written.setdefault(stem, Counter())[way] += count
    return made


def _stem(word: str, korean: dict[str, str], stop_words: set[str], forms: WordForms) -> str:
    """The stem of a word; empty for one that names nothing."""
    if word in korean:
        stem = korean[word]
        return "" if stem in COMMON or word in COMMON or len(stem) < LEAST_STEM else stem
    if _NUMBER.fullmatch(word):
        return ""
    parts = word.replace("’", "'").split("'")  # don't, what's
    if len(word) < LEAST_STEM or word in stop_words or parts[0] in stop_words:
        return ""
    return forms.of(parts[0])


def _korean_stems(counts: Counter[str]) -> dict[str, str]:
    """Korean word -> the word without its particle, where that is a word by itself or before another particle.

    A stem seen once, with one particle, may be no stem: 고양이 is not 고양 with 이.
    """
    words = [word for word in counts if _HANGUL.fullmatch(word)]
    before: dict[str, set[str]] = {}
    for word in words:
        for stem, particle in _cuts(word):
            before.setdefault(stem, set()).add(particle)
    known = {word for word in words if len(word) >= LEAST_STEM}
    single = _single_nouns(words)
    found = {}
    for word in words:
        if word[0] in single and word[1:] in SURE:
            found[word] = word[0]
            continue
        stems = [stem for stem, _ in _cuts(word) if stem in known or len(before[stem]) > 1]
        found[word] = min(stems, key=len) if stems else word
    return found


def _single_nouns(words: Iterable[str]) -> set[str]:
    """Nouns of one syllable: those that sure particles follow."""
    after: dict[str, set[str]] = {}
    for word in words:
        if word[1:] in SURE:
            after.setdefault(word[0], set()).add(word[1:])
    return {one for one, particles in after.items() if len(particles) >= COUNTED}


def _cuts(word: str) -> Iterator[tuple[str, str]]:
    """The ways to cut a particle off a word: (what is left, the particle)."""
    for particle in PARTICLES:
        if word.endswith(particle) and len(word) - len(particle) >= LEAST_STEM:
            yield word[: -len(particle)], particle
