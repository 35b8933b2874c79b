"""Texts cut into sentences, and sentences joined into passages, by rules for Korean and English, without a model."""

import re
from collections.abc import Sequence

_CLOSING = "\"'”’」』)]》〉"
_END = re.compile(
    rf"(?<![.!?…])[.!?…]+[{re.escape(_CLOSING)}]*(?=\s)"  # followed by white space
    rf"|[。！？]+[{re.escape(_CLOSING)}]*"  # full-width: no space is needed
    r"|(?<=[다요죠까])[.!?]+(?=[가-힣])"  # 갔다.그리고: a missing space after a Korean ending
)
_NEXT = re.compile(r"\s*(\S)")
_PARAGRAPH = re.compile(r"\n\s*\n")
# Words before a full stop that does not end a sentence: titles and abbreviations.
_SHORT = frozenset(
    "mr mrs ms dr prof st jr sr vs etc ed eds inc ltd co corp dept approx est "  # noqa: SIM905
    "jan feb mar apr jun jul aug sep sept oct nov dec e.g i.e cf al a.m p.m u.s u.k ph.d".split()
)
# The same where a number follows; "I said no. Then" is a full sentence.
_SHORT_BEFORE_NUMBER = frozenset("no nos fig figs eq sec vol p pp".split())  # noqa: SIM905
# "가. 신청 방법": the letters that number lists.
_LETTERS = frozenset("가나다라마바사아자차카타파하")
# "2024. 3. 5.": a date as offices write it, up to one of its full stops.
_DATE = re.compile(r"(?<!\d)\d{4}(?P<month>(?:\.\s*\d{1,2}){1,2})?$")
_LOOKED_BACK = 32
"""Characters before a full stop that are read: copying all since the last sentence is quadratic in a long line."""
# After a closing quote: the sentence around it continues ("갑니다." 하고 말했다).
_GOES_ON = re.compile(r"\s*(?:하고|하며|하면서|라고|라며|라는|고|며|는|이라고|이라며|란)(?![가-힣])")


def sentences(text: str) -> list[str]:
    """The sentences of a text, with white space folded.

    >>> sentences("It costs 3.5 won, says Dr. Kim. Why?  Ask her.")
    ['It costs 3.5 won, says Dr. Kim.', 'Why?', 'Ask her.']
    >>> sentences('접수는 3.5일 걸립니다.그 뒤 연락드려요. 직원은 "됩니다." 하고 말했다.')
    ['접수는 3.5일 걸립니다.', '그 뒤 연락드려요.', '직원은 "됩니다." 하고 말했다.']
    """
    found = []
    for paragraph in _PARAGRAPH.split(text):
        start = 0
        for end in _END.finditer(paragraph):
            if _ends(paragraph, start, end):
                found.append(paragraph[start : end.end()])
                start = end.end()
        found.append(paragraph[start:])
    folded = (" ".join(one.split()) for one in found)
    return [one for one in folded if one]


def _ends(text: str, start: int, end: re.Match[str]) -> bool:
    """Whether the sentence that began at `start` ends with these marks."""
    # By position: copying what follows each sentence would be quadratic in a long text.
    after, marks = _NEXT.match(text, end.end()), end[0]
    if after is None:
        return True
    if marks[-1] in _CLOSING and _GOES_ON.match(text, end.end()):
        return False
    lower = after[1].isascii() and after[1].islower()
    if marks[-1] in _CLOSING and lower:
        return False
    if not marks.startswith(".") or marks.startswith(".."):
        return True
    return not (lower or _cut_short(text, start, end.start(), after[1]))


def _cut_short(text: str, start: int, end: int, after: str) -> bool:
    """Whether the full stop at `end` belongs to the word before it: an abbreviation, a date, a list number.

    The sentence begins at `start`; `after` is the next character.
    """
    near = text[max(start, end - _LOOKED_BACK) : end]
    words = near.split()
    word = words[-1].lstrip("\"'“‘([") if words else ""
    if word.lower() in _SHORT or (len(word) == 1 and word.isascii() and word.isupper()):
        return True
    date = _DATE.search(near)
    if after.isdigit() and (date or word.lower() in _SHORT_BEFORE_NUMBER):
        return True
    if date and date["month"] and "가" <= after <= "힣":
        return True
    # "1. 신청": a list number.
    return len(words) == 1 and end - start <= _LOOKED_BACK and (word.isdigit() or word in _LETTERS)


def passages(text: str, words: int) -> list[str]:
    """A text in passages of complete sentences and about equal length, of at most `words` words (split at spaces).

    A longer sentence is cut between words.

    >>> passages("One two. Three four. Five six.", 4)
    ['One two. Three four.', 'Five six.']
    """
    pieces = [piece for sentence in sentences(text) for piece in _cut(sentence.split(), words)]
    total = sum(map(len, pieces))
    if total <= words:
        return [" ".join(text.split())] if total else []
    # Passages of about equal length, so that no text ends in a passage of three words.
    goal = total / -(-total // words)
    found: list[list[str]] = [[]]
    for piece in pieces:
        if found[-1] and (len(found[-1]) + len(piece) > words or len(found[-1]) >= goal):
            found.append([])
        found[-1] = [*found[-1], *piece]
    return [" ".join(one) for one in found]


def _cut(words: Sequence[str], most: int) -> list[Sequence[str]]:
    return [words[start : start + most] for start in range(0, len(words), most)]
