"""One form for texts that differ only in case, width, spacing or outer punctuation: never each other's negatives."""

import re
import unicodedata
from collections.abc import Iterable

import numpy as np

from embedtune.identity import text_id

_MARK = r"""[.,!?;:'"()\[\]…。、·~“”‘’「」-]"""
# Between two letters or digits a mark matters: 1.5 is not 15.
_OUTER = re.compile(rf"(?<!\w){_MARK}|{_MARK}(?!\w)|\s")


def near_form(text: str) -> str:
    """A text in compatibility form and lower case, without spaces and without punctuation at the edge of words.

    Spaces go too, since Korean spacing varies. A text of nothing else stays as it is.

    >>> near_form("Reset my  Password!") == near_form("reset my password")
    True
    >>> near_form("비밀번호 재설정 하기.") == near_form("비밀번호 재설정하기")
    True
    >>> near_form("1.5 mg (C++)"), near_form("?!")
    ('1.5mgc++', '?!')
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    return _OUTER.sub("", folded) or folded


def near_ids(texts: Iterable[str]) -> np.ndarray:
    """Ids, equal for texts with the same near form: int64 of shape (n,)."""
    return np.fromiter((text_id(near_form(text)) for text in texts), dtype=np.int64)
