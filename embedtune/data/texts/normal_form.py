"""One form for texts that differ only in case, width, spacing, outer punctuation or signs that nobody sees.

It decides which texts are the same wherever that matters: what is split together, what counts as seen in training, and
what is never a negative. Two texts that state different facts have different forms: a sign before a number, a decimal
point, the space between two numbers and a raised digit stay.
"""

import re
import unicodedata
from collections.abc import Iterable

import numpy as np

from embedtune.identity import text_id

_UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
"""Control and zero-width characters, soft hyphens, byte order marks, direction marks and variation selectors."""
# Behind a digit these would become further digits: 10² is not 102.
_RAISED = re.compile("(?<=\\d)(?=[\u00b2\u00b3\u00b9\u00bc-\u00be\u2070-\u2079\u2150-\u215e\u2460-\u2473])")
_APOSTROPHES = re.compile("[\u2018\u2019\u02bc\u2032]")
_DASHES = re.compile("[\u2010-\u2015\u2212\u2043]")
_MARK = r"""[.,!?;:'"()\[\]{}…。、·~“”‘’„‚‟‹›«»「」『』《》〈〉【】〔〕•‣◦▪`´¿¡।؟،؛-]"""
# Between two letters or digits a mark matters: 1.5 is not 15. So does a sign before a number: -5 is not 5.
_OUTER = rf"(?<!\w)(?![-.]\d){_MARK}|{_MARK}(?!\w)|\s"
_OUTER_MARKS = re.compile(_OUTER)
_BETWEEN_NUMBERS = re.compile(rf"(\d)(?:{_OUTER})++(?=\d)")  # possessive: some marks match in two ways
_APART = "\x00"  # cannot be in the text: control characters are removed first


def near_form(text: str) -> str:
    """A text in compatibility form and lower case, without spaces and without punctuation at the edge of words.

    Spaces go too, since Korean spacing varies; between two numbers one stays. A text of nothing else stays as it is.

    >>> near_form("Reset my  Password!") == near_form("reset\\u200b my pass\\u00adword")
    True
    >>> near_form("비밀번호 재설정 하기.") == near_form("비밀번호 재설정하기")
    True
    >>> near_form("1.5 mg (C++)"), near_form("rooms 1, 2"), near_form("?!")
    ('1.5mgc++', 'rooms1 2', '?!')
    """
    folded = visible(text).casefold()
    apart = _BETWEEN_NUMBERS.sub(rf"\1{_APART}", folded)
    return _OUTER_MARKS.sub("", apart).replace(_APART, " ") or folded


def visible(text: str) -> str:
    """A text in compatibility form, with plain dashes and apostrophes and without signs that nobody sees.

    >>> visible("\ufeff10² kg–won’t")
    "10^2 kg-won't"
    """
    if text.isascii():
        return text if text.isprintable() else _UNSEEN.sub("", text)
    text = _RAISED.sub("^", _UNSEEN.sub("", text))
    return _DASHES.sub("-", _APOSTROPHES.sub("'", unicodedata.normalize("NFKC", text)))


def near_ids(texts: Iterable[str]) -> np.ndarray:
    """Ids, equal for texts with the same near form: int64 of shape (n,)."""
    return np.fromiter((text_id(near_form(text)) for text in texts), dtype=np.int64)
