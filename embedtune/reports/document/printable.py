"""Users' texts made safe to show: a control character in a document must not move a cursor, recolour or hide text."""

import unicodedata

_TURNS_DIRECTION = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")


def printable(text: str, *, keep: str = "") -> str:
    """The text with control, bidirectional and broken characters written as escapes, except for those in `keep`.

    >>> print(printable("비밀번호\\x1b[31m\\n"))
    비밀번호\\x1b[31m\\n
    """
    return "".join(_escaped(c) if c not in keep and _acts(c) else c for c in text)


def _acts(character: str) -> bool:
    hidden = unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")
    return hidden or unicodedata.bidirectional(character) in _TURNS_DIRECTION


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()
