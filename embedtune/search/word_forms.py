"""The forms by which BM25 compares words: stems in languages with endings, beginnings of words in Korean.

The language is that of the whole corpus, recognised by its stop words, since a short query shows too little of one. A
corpus whose language is not recognised, or that mixes several of one script, is compared word by word as before.

Why stop words stay in the index: only queries leave them out, and a query of nothing else ("to be or not to be") keeps
them. Chosen on the training queries of SciFact and the dev queries of MedQuAD; on both, stems alone gain most.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from embedtune.data.texts.words import words

RECOGNISED = 0.2
"""The share of a script's words that are stop words of its language: 0.3 to 0.45 in prose, and below 0.1 elsewhere."""
FEWEST = 5
"""Different stop words that are needed: a single "the" says little."""
CLEAR = 1.5
"""How many times the share of the next language that is, or several are mixed."""
WORTH_SAYING = 0.02
"""The share of the words that a script needs to be mentioned."""
LANGUAGES = {
    "English": ("EN_PLUS", "LATIN"),
    "German": ("GERMAN", "LATIN"),
    "Dutch": ("DUTCH", "LATIN"),
    "French": ("FRENCH", "LATIN"),
    "Spanish": ("SPANISH", "LATIN"),
    "Portuguese": ("PORTUGUESE", "LATIN"),
    "Italian": ("ITALIAN", "LATIN"),
    "Swedish": ("SWEDISH", "LATIN"),
    "Norwegian": ("NORWEGIAN", "LATIN"),
    "Russian": ("RUSSIAN", "CYRILLIC"),
}
"""Languages with a Snowball stemmer and a list of stop words in bm25s: the name of the list, and the script."""


_UNSPACED = frozenset(["CJK", "HIRAGANA", "KATAKANA"])


def terms(text: str) -> Iterator[str]:
    """The words of a text, and the beginning of each Korean word once more: particles and endings come after it.

    >>> list(terms("지원을 받다, the card"))
    ['지원', '원을', '받다', 'the', 'card', '지원_', '받다_']
    """
    return words(text, beginnings=True)


@dataclass(frozen=True)
class Language:
    """A language whose words are compared by their stems.

    Args:
        name: in English.
        script: of its letters, as Unicode names it.
        stop_words: words too frequent to say what a text is about.
    """

    name: str
    script: str
    stop_words: frozenset[str] = field(repr=False)

    @cached_property
    def _stemmer(self) -> Any:
        import Stemmer

        return Stemmer.Stemmer(self.name.lower())

    def stem(self, word: str) -> str:
        """The stem of a word of this language; of anything else, the word.

        Source: Snowball (Porter 2001), by PyStemmer.
        """
        return str(self._stemmer.stemWord(word)) if word.isalpha() and script_of(word) == self.script else word


@dataclass(frozen=True)
class WordForms:
    """How the words of one corpus are compared.

    Args:
        languages: one per script at most; none where no language was recognised.
        scripts: of the words of the corpus, without those of a few words.
    """

    languages: Sequence[Language] = ()
    scripts: frozenset[str] = frozenset()

    def of(self, word: str) -> str:
        """The form of a word by which it is compared."""
        for language in self.languages:
            word = language.stem(word)
        return word

    def of_query(self, text: str) -> list[str]:
        """The forms to look for, without stop words where something else is left."""
        found = list(terms(text))
        kept = [word for word in found if not any(word in one.stop_words for one in self.languages)]
        return [self.of(word) for word in kept or found]

    @property
    def described(self) -> str:
        """How texts become words, in a sentence.

        >>> WordForms((), frozenset(["HANGUL"])).described
        'BM25 compares pairs of syllables of Korean words, and their beginnings once more'
        """
        names = " and ".join(one.name for one in self.languages)
        parts = [
            f"stems of {names} words, leaving stop words out of queries" if names else "",
            "pairs of syllables of Korean words, and their beginnings once more" if "HANGUL" in self.scripts else "",
            "pairs of characters of Chinese and Japanese" if self.scripts & _UNSPACED else "",
        ]
        others = self.scripts - {"", "HANGUL", "DIGIT", *_UNSPACED, *(one.script for one in self.languages)}
        whole = "other words whole" if any(parts) else "whole words, as no language was recognised"
        return f"BM25 compares {'; '.join([*filter(None, parts), *([whole] if others or not any(parts) else [])])}"


def recognise(counts: Mapping[str, int]) -> WordForms:
    """The forms for a corpus, by how often it has each word.

    >>> recognise({"the": 30, "of": 20, "is": 9, "and": 5, "to": 5, "card": 40, "refund": 10}).languages[0].name
    'English'
    >>> recognise({"card": 40, "refund": 10, "청년": 90}).languages
    ()
    """
    of_script: dict[str, int] = {}
    for word, count in counts.items():
        script = script_of(word)
        of_script[script] = of_script.get(script, 0) + count
    shares: dict[str, list[tuple[float, Language]]] = {}
    for language in _languages():
        total = of_script.get(language.script, 0)
        known = [counts[word] for word in language.stop_words if word in counts]
        share = sum(known) / total if len(known) >= FEWEST else 0.0
        shares.setdefault(language.script, []).append((share, language))
    many = sum(of_script.values()) * WORTH_SAYING
    return WordForms(tuple(_clear_ones(shares.values())), frozenset(name for name, n in of_script.items() if n >= many))


def _clear_ones(shares: Iterable[list[tuple[float, Language]]]) -> Iterator[Language]:
    for own in shares:
        (share, language), *others = sorted(own, key=lambda one: -one[0])
        if share >= RECOGNISED and all(share >= CLEAR * other for other, _ in others):
            yield language


def _languages() -> Iterator[Language]:
    from bm25s import stopwords

    for name, (listed, script) in LANGUAGES.items():
        yield Language(name, script, frozenset(getattr(stopwords, f"STOPWORDS_{listed}")))


def script_of(word: str) -> str:
    """The script of a word's first letter, as Unicode names it.

    >>> script_of("card"), script_of("карта"), script_of("카드")
    ('LATIN', 'CYRILLIC', 'HANGUL')
    """
    return unicodedata.name(word[0], "").partition(" ")[0]
