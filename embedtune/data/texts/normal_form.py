"""Texts that differ in case, width, spacing or outer punctuation only: no negatives of each other."""

import re
import unicodedata
from collections.abc import Iterable

import numpy as np

from embedtune.identity import text_id

_MARK = r"""[.,!?;:'"()\[\]…。、·~“”‘’「」-]"""
# Between two letters or digits a mark tells texts apart: 1.5 is not 15.
_OUTER = re.compile(rf"(?<!\w){_MARK}|{_MARK}(?!\w)|\s")


def near_form(text: str) -> str:
    """A text in compatibility form and lower case, without blanks and without punctuation at the edge of words.

    Blanks go too, since Korean spacing is a matter of taste. A text of nothing else keeps all of itself.

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
    """Ids that nearly identical texts share: int64 of shape (n,)."""
    return np.fromiter((text_id(near_form(text)) for text in texts), dtype=np.int64)
