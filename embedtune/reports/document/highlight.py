"""Which words of a passage occur in a query: the same words, and words with the same beginning.

An English word is reduced to its first six letters without a plural s, a Korean word to its first two syllables, since
the rest is mostly particles and endings. Stop words and single letters are ignored.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator

from markupsafe import Markup, escape

from embedtune.reports.document.printable import printable

EXCERPT = 320
"""How many characters of a passage are shown."""
_WORD = re.compile(r"[^\W_]+")
_SYLLABLE = re.compile("[가-힣]")
_STEM, _SYLLABLES, _SHORTEST = 6, 2, 3
_COMMON = frozenset(
    """
    about after also and any are because been but can could did does for from had has have how into its may more
    most not one only other our out over should some such than that the their them then there these they this those
    under use used was were what when where which while who why will with would you your
    있는 있나 있습 없는 하는 하나 하면 합니 되는 되나 됩니 어떤 어떻 무엇 언제 어디
    누구 대한 대해 위한 위해 통해 경우 때문 그리 또는 이런 그런 저는 제가 우리
    """.split()  # noqa: SIM905  (a list of 100 quoted words is no easier to read)
)


def stem(word: str) -> str:
    """What two words with the same stem share; empty for a stop word.

    >>> stem("Vaccines"), stem("vaccination"), stem("월세를"), stem("the"), stem("a"), stem("2024")
    ('vaccin', 'vaccin', '월세', '', '', '2024')
    """
    folded = unicodedata.normalize("NFC", word).casefold()
    if _SYLLABLE.match(folded):
        found = folded[:_SYLLABLES] if len(folded) >= _SYLLABLES else ""
        return "" if found in _COMMON else found
    if folded.isdigit():
        return folded
    if len(folded) < _SHORTEST or folded in _COMMON:
        return ""
    return (folded.removesuffix("s") if len(folded) > _SHORTEST else folded)[:_STEM]


def pieces(text: str, query: str) -> Iterator[tuple[str, bool]]:
    """The text in pieces, each with whether it is a word of the query.

    >>> list(pieces("청년의 월세, rents", "월세 지원 rent"))
    [('청년의 ', False), ('월세', True), (', ', False), ('rents', True)]
    """
    wanted = _stems(query)
    done = 0
    for word in _WORD.finditer(text):
        if stem(word[0]) in wanted:
            if word.start() > done:
                yield text[done : word.start()], False
            yield word[0], True
            done = word.end()
    if done < len(text):
        yield text[done:], False


def excerpt(text: str, query: str, size: int = EXCERPT) -> str:
    """The part of the text with the most words of the query, cut between words.

    >>> excerpt("one two three four five", "five", 12)
    '… four five'
    """
    if len(text) <= size:
        return text
    wanted = _stems(query)
    words = [(word.start(), word.end(), stem(word[0])) for word in _WORD.finditer(text)]
    starts = [0, *(start for start, _, _ in words)]
    first = _fullest(starts, [word for word in words if word[2] in wanted], size, len(text))
    if first + size > len(text):
        first = next((start for start in starts[1:] if start + size >= len(text)), first)
    ends = [end for _, end, _ in words if first < end <= first + size]
    last = len(text) if first + size >= len(text) else max(ends, default=first + size)
    return ("… " if first else "") + text[first:last] + ("" if last == len(text) else " …")


def marked(text: str, query: str) -> Markup:
    """An excerpt of the text as HTML, with the query's words marked.

    >>> print(marked("<b> 월세를", "월세"))
    &lt;b&gt; <mark>월세를</mark>
    """
    shown = (
        f"<mark>{escape(printable(piece))}</mark>" if shared else str(escape(printable(piece, keep="\n")))
        for piece, shared in pieces(excerpt(text, query), query)
    )
    return Markup("".join(shown))


def _stems(query: str) -> set[str]:
    return {stem(word) for word in _WORD.findall(query)} - {""}


def _fullest(starts: list[int], hits: list[tuple[int, int, str]], size: int, length: int) -> int:
    """The first start of a part with the most different words of the query; of equal ones, one that has full length.

    Args:
        starts: where a part may begin, ascending.
        hits: start, end and stem of each word that is in the query, ascending.
        size: of a part, in characters.
        length: of the text.
    """
    inside: Counter[str] = Counter()
    low = high = 0
    most, first = (-1, False), 0
    for start in starts:
        while high < len(hits) and hits[high][1] <= start + size:
            inside[hits[high][2]] += 1
            high += 1
        while low < high and hits[low][0] < start:
            inside[hits[low][2]] -= 1
            low += 1
        found = sum(count > 0 for count in inside.values()), start + size <= length
        if found > most:
            most, first = found, start
    return first
