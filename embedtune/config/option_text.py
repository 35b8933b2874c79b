"""Reads what people write after an option whose type does not say how: `gist:0.5`, `query="..."`, `4GiB`, `0:50`."""

import re
import sys
from collections.abc import Callable, Sequence
from typing import Any

from embedtune.config.reference.loss_words import usual_name

_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_UNITS |= {"KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_LENGTHS, _A_YEAR = {"h": 3600.0, "m": 60.0, "s": 1.0}, 366 * 24 * 3600.0
_DURATION = re.compile(
    r"(?:(?P<h>[0-9]*\.?[0-9]+) *(?:h|hr|hrs|hours?) *)?(?:(?P<m>[0-9]*\.?[0-9]+) *(?:m|mins?|minutes?) *)?"
    r"(?:(?P<s>[0-9]*\.?[0-9]+) *(?:s|secs?|seconds?))?"
)
_DIGITS = 30  # more are never needed, and enough of them make a float infinite


class OptionMistake(ValueError):
    """What was written after an option cannot be read."""


def parse_losses(terms: Sequence[Any]) -> list[Any]:
    """`NAME[:WEIGHT]` terms as the recipe's list; a term that is a mapping already stays as it is.

    >>> parse_losses(["MNRL", "SIGReg:0.05"])
    [{'name': 'infonce'}, {'name': 'sigreg', 'weight': 0.05}]

    Raises:
        OptionMistake: a name is empty or a weight is not a number.
    """
    return [_loss(term) if isinstance(term, str) else term for term in terms]


def _loss(term: str) -> dict[str, Any]:
    name, colon, weight = term.partition(":")
    try:
        parsed = {"weight": float(weight)} if colon else {}
    except ValueError:
        name = ""
    if not name.strip():
        raise OptionMistake(f"{term!r} is not NAME or NAME:WEIGHT, such as gist or sigreg:0.05")
    return {"name": usual_name(name), **parsed}


def parse_pairs(text: str, unescape: Callable[[str], str] | None = None) -> dict[str, str]:
    """`key=value,key=value` as a mapping. A value may be in double quotes; a comma outside them is escaped as `\\,`.

    `unescape` turns what a value escapes into what it means; None: only commas, quotes and backslashes are escaped.

    >>> parse_pairs('query="query: ",document=passage: ')
    {'query': 'query: ', 'document': 'passage: '}
    >>> parse_pairs("query=Find\\\\, then rank: ")
    {'query': 'Find, then rank: '}

    Raises:
        OptionMistake: a piece has no `=`, a key is given twice, or a quotation mark is left open.
    """
    pairs: dict[str, str] = {}
    for piece in _split_at_commas(text):
        name, equals, value = piece.partition("=")
        if not equals or not name.strip():
            raise OptionMistake(f"{piece!r} is not KEY=VALUE (write a comma inside a value as \\, or quote the value)")
        if name.strip() in pairs:
            raise OptionMistake(f"{name.strip()!r} is given twice")
        pairs[name.strip()] = (unescape or _unescaped)(_unquoted(value))
    return pairs


def written_out(text: str) -> str:
    """A text as it is written in code and on model cards, with `\\n` for a line break, as what it stands for.

    >>> written_out("Instruct: find passages\\\\nQuery: ")
    'Instruct: find passages\\nQuery: '
    >>> written_out("\\\\uc9c8\\\\ubb38: "), written_out("C:\\\\\\\\temp")
    ('질문: ', 'C:\\\\temp')

    Raises:
        OptionMistake: a backslash stands before something else, so it is not clear what is meant.
    """
    meant = _ESCAPED.sub(_character, text)
    try:
        # Two escapes of four digits make one character beyond the first 65,536.
        return meant.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise OptionMistake(f"{text!r} has half of a character: \\ud800 to \\udfff come in pairs") from None


def spelled_out(text: str) -> str:
    """A text as one writes it between quotation marks, so that `written_out` gives it back.

    >>> spelled_out("Instruct: answer\\nQuery: "), written_out(spelled_out('a "b"\\\\c'))
    ('Instruct: answer\\\\nQuery: ', 'a "b"\\\\c')
    """
    for sign, escape in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\t", "\\t"), ("\r", "\\r")):
        text = text.replace(sign, escape)
    return text


def _split_at_commas(text: str) -> list[str]:
    """Pieces between the commas that are neither escaped nor in quotes; escapes are kept for `_unquoted`."""
    pieces, start, quoted, i = [], 0, False, 0
    while i < len(text):
        if text[i] == "\\":
            i += 1
        elif text[i] == '"' and (quoted or text[i - 1 : i] == "="):
            quoted = not quoted
        elif text[i] == "," and not quoted:
            pieces.append(text[start:i])
            start = i + 1
        i += 1
    if quoted:
        raise OptionMistake(f"a quotation mark is left open in {text!r}")
    return [*pieces, text[start:]]


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) >= 2 and value[0] == value[-1] == '"' else value


def _unescaped(value: str) -> str:
    for mark in (",", '"', "\\"):
        value = value.replace("\\" + mark, mark)
    return value


def parse_bytes(text: str) -> int:
    """An amount of memory in bytes.

    >>> parse_bytes("4GiB"), parse_bytes("512 MB"), parse_bytes("1.5g")
    (4294967296, 512000000, 1610612736)

    Raises:
        ValueError: it is not a number with a unit.
    """
    found = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*([A-Za-z]*)\s*", text)
    if found is None or found[2].upper() not in _UNITS or len(found[1]) > _DIGITS:
        raise ValueError(f"{text!r} is not an amount of memory, such as 4GiB or 512MB")
    return int(float(found[1]) * _UNITS[found[2].upper()])


def parse_duration(text: str) -> float:
    """A length of time in seconds.

    >>> parse_duration("90s"), parse_duration("1h30m"), parse_duration("2 hours"), parse_duration("1.5 min")
    (90.0, 5400.0, 7200.0, 90.0)

    Raises:
        ValueError: it is not made of numbers with units, the largest first, or nothing, or longer than a year.
    """
    found = _DURATION.fullmatch(text.strip().lower())
    seconds = 0.0 if found is None else sum(float(found[unit] or 0) * length for unit, length in _LENGTHS.items())
    if not 0 < seconds <= _A_YEAR:
        raise ValueError(f"{text!r} is not a time of at most a year in h, m and s, such as 90s, 30m, 2h or 1h30m")
    return seconds


def parse_range(text: str) -> tuple[int, int]:
    """A half-open range of whole numbers from 0.

    >>> parse_range("10:50"), parse_range(":50")
    ((10, 50), (0, 50))

    Raises:
        ValueError: it is not LOW:HIGH, or empty.
    """
    found = re.fullmatch(r"\s*([0-9]*)\s*:\s*([0-9]+)\s*", text, re.ASCII)
    if found is None:
        raise ValueError(f"{text!r} is not LOW:HIGH, such as 0:50 (ranks from 0, HIGH excluded)")
    low, high = int(found[1] or 0), int(found[2])
    if low >= high:
        raise ValueError(f"{text!r} holds no rank; LOW must be below HIGH")
    return low, high


_ESCAPED = re.compile(r"\\(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|x[0-9a-fA-F]{2}|.|$)", re.DOTALL)
_MEANT = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "'": "'", ",": ",", " ": " "}


def _character(escape: re.Match[str]) -> str:
    sign = escape[1]
    if len(sign) > 1 and int(sign[1:], 16) <= sys.maxunicode:
        return chr(int(sign[1:], 16))
    if sign not in _MEANT:
        raise OptionMistake(
            f"{escape[0]!r} is unclear; write \\n for a line break, \\t for a tab, \\uXXXX for a character and "
            "\\\\ for a backslash"
        )
    return _MEANT[sign]
