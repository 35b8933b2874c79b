"""Whether a text is another one but for its frame: a title, a prompt, a suffix, a cut, a few slips of the pen.

Both are read word by word. Between the first and the last words that they share only slips and small insertions may
differ: another number, name, negation or antonym makes it another statement, however long the rest is. Where both begin
(or end) differently, a sentence must begin (or end) there: "Marfan syndrome is inherited ..." is not "Costello syndrome
is inherited ...".
"""

import math
import re
import unicodedata
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

from embedtune.data.texts.normal_form import near_form, visible
from embedtune.data.texts.polarity import statement

_IDEOGRAPHS = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_WORD = re.compile(rf"[{_IDEOGRAPHS}]|[^\W{_IDEOGRAPHS}]+(?:[.,:/'-][^\W{_IDEOGRAPHS}]+)*")
_ENDS = re.compile(r"[.:!?。…|\])}」』】\n]\W*$|[-]\s+\W*$")
"""What stands before a sentence, or between a title and a text."""
_READ = 3000  # words
_SHARE = 0.75  # of a text's words, in order
_RUN = 3  # words in common that may be the first or the last of what is shared; fewer where both texts begin or end
_SENTENCE = 8  # inserted words that are a sentence of their own
_MOST_INSERTED = 0.25  # of what is shared
_MOST_SLIPS = 0.1
_SLIP_LETTERS = 4


_Edge = tuple[list[str], bool]
"""Words before or after a core, and whether a sentence begins or ends between them and it."""


class _Words(NamedTuple):
    text: str
    words: list[str]
    spans: list[tuple[int, int]]


def same_but_for_frame(part: str, whole: str, *, strict: bool = False) -> bool:
    """Whether `whole` is, or holds, the text `part`; the part may have a frame of its own.

    Where strict, a frame must be set off from the text as a sentence or a title is, and nothing is inserted.

    >>> same_but_for_frame("Take one tablet a day with water.", "Handbook v3 - Take one tablet a day, with water")
    True
    >>> same_but_for_frame("Take one tablet a day with water.", "Take one tablet a day without water.")
    False
    """
    a, b = _read(part), _read(whole)
    if _holds(near_form(whole), near_form(part)) and len(a.words) <= len(b.words):
        return _framed(a, b, _place_of(a.words, b.words), strict)
    # In texts of 200 words and more, frequent ones only extend what rarer ones begin: else repetition costs seconds.
    blocks = SequenceMatcher(None, a.words, b.words).get_matching_blocks()
    ends = ((0, 0), (len(a.words), len(b.words)))
    runs = [
        block
        for block in blocks
        if block.size >= min(_RUN, len(a.words))
        or (block.size and ((block.a, block.b) == ends[0] or (block.a + block.size, block.b + block.size) == ends[1]))
    ]
    if not runs:
        return False
    core = (runs[0].a, runs[-1].a + runs[-1].size, runs[0].b, runs[-1].b + runs[-1].size)
    shared = sum(block.size for block in blocks if core[0] <= block.a < core[1] and core[2] <= block.b < core[3])
    if shared < _SHARE * len(a.words) or not _framed(a, b, core, strict):
        return False
    slips, inserted = _changes(a.words[core[0] : core[1]], b.words[core[2] : core[3]])
    return slips <= max(2, _MOST_SLIPS * shared) and inserted <= (0 if strict else _MOST_INSERTED * shared)


def _holds(whole: str, part: str) -> bool:
    """Whether one form holds another without cutting a number at its ends.

    >>> _holds("pagenumber1001", "pagenumber1"), _holds("seepagenumber1now", "pagenumber1")
    (False, True)
    """
    at = whole.find(part)
    while at >= 0:
        before, after = whole[at - 1 : at] + part[:1], part[-1:] + whole[at + len(part) : at + len(part) + 1]
        if not any(len(edge) == 2 and edge.isdigit() for edge in (before, after)):
            return True
        at = whole.find(part, at + 1)
    return False


def _read(text: str) -> _Words:
    plain = visible(text)
    found = []
    for match in _WORD.finditer(plain):
        found.append(match)
        if len(found) == _READ:
            break
    return _Words(plain, [match[0].casefold() for match in found], [match.span() for match in found])


def _place_of(part: Sequence[str], whole: Sequence[str]) -> tuple[int, int, int, int]:
    """The core of a part that is in the whole letter by letter; at the beginning where words are divided otherwise."""
    size = len(part)
    starts = (i for i, word in enumerate(whole) if word == part[0] and whole[i : i + size] == part) if part else ()
    start = next(iter(starts), 0)
    return 0, size, start, start + size


def _framed(a: _Words, b: _Words, core: tuple[int, int, int, int], strict: bool) -> bool:
    """Whether what stands around the core is a frame."""
    leads = [(one.words[:start], _begins(one, start)) for one, start in ((a, core[0]), (b, core[2]))]
    trails = [(one.words[end:], _ended(one, end)) for one, end in ((a, core[1]), (b, core[3]))]
    trails = _without_cut_word(*trails)
    for side, ((mine, my_edge), (theirs, their_edge)) in enumerate((leads, trails)):
        if my_edge and their_edge:
            continue
        # A sentence that begins here in one text begins here in the other, whatever its title looks like.
        begun = side == 0 and (my_edge or their_edge)
        if strict or (mine and theirs and not begun) or _sign(mine or theirs) < 0:
            return False
    return True


def _without_cut_word(one: _Edge, other: _Edge) -> list[_Edge]:
    """What follows the core in both; the beginning of a word that goes on in the other text is a cut, and nothing."""
    for cut, whole, place in ((one, other, 0), (other, one, 1)):
        if len(cut[0]) == 1 and whole[0] and whole[0][0].startswith(cut[0][0]) and not _counts(cut[0][0]):
            return [([], True), whole] if place == 0 else [whole, ([], True)]
    return [one, other]


def _begins(one: _Words, start: int) -> bool:
    """Whether the word at `start` begins a sentence or the text, or follows a title."""
    return start == 0 or bool(_ENDS.search(one.text[max(0, one.spans[start - 1][1]) : one.spans[start][0]]))


def _ended(one: _Words, end: int) -> bool:
    """Whether the text or a sentence ends before the word at `end`."""
    return end >= len(one.words) or bool(_ENDS.search(one.text[one.spans[end - 1][1] : one.spans[end][0]]))


def _changes(one: Sequence[str], other: Sequence[str]) -> tuple[int, float]:
    """The slips and the inserted words by which two cores differ; infinitely many where they state another fact."""
    slips = inserted = 0
    for mine, theirs in _differences(one, other):
        if len(mine) == len(theirs) and all(map(_slip, mine, theirs)):
            slips += len(mine)
        elif _slip("".join(mine), "".join(theirs)):
            slips += 1
        elif mine and theirs:
            return slips, math.inf
        else:
            added = mine or theirs
            if len(added) < _SENTENCE and (_sign(added) < 0 or any(map(_counts, added))):
                return slips, math.inf
            inserted += len(added)
    return slips, inserted


def _differences(mine: Sequence[str], theirs: Sequence[str]) -> Iterator[tuple[Sequence[str], Sequence[str]]]:
    matcher = SequenceMatcher(None, mine, theirs)
    return ((mine[i:j], theirs[k:m]) for tag, i, j, k, m in matcher.get_opcodes() if tag != "equal")


def _slip(one: str, other: str) -> bool:
    """Whether two words differ by one letter, by two letters swapped, or only in how they are divided."""
    mine, theirs = (unicodedata.normalize("NFD", "".join(filter(str.isalnum, text))) for text in (one, other))
    if any(map(str.isdigit, mine + theirs)) or min(len(mine), len(theirs)) < _SLIP_LETTERS:
        return one == other
    if mine == theirs:
        return True
    start = next((i for i, pair in enumerate(zip(mine, theirs, strict=False)) if pair[0] != pair[1]), None)
    if start is None:
        return abs(len(mine) - len(theirs)) == 1
    mine, theirs = mine[start:], theirs[start:]
    swapped = mine[:2] == theirs[:2][::-1] and mine[2:] == theirs[2:]
    return swapped or mine[1:] == theirs[1:] or mine[1:] == theirs or mine == theirs[1:]


def _counts(word: str) -> bool:
    return any(map(str.isdigit, word))


def _sign(words: Sequence[str]) -> int:
    return statement(" ".join(words)).sign
