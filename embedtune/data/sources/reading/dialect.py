"""The dialect of a delimited file: which sign separates its fields, and whether quotation marks enclose texts.

Comma-separated files quote texts that need it. Tab-separated files of this field mostly do not, so that a quotation
mark in one is part of a text; but pandas and Excel quote there too. What the rows say decides: in a file whose texts
are quoted, no field has a quotation mark that is not, and lines that are complete by themselves need no quoting.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from itertools import chain

SEPARATORS = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "vertical bars"}
"""Separator -> its name."""
PLAIN = ("\t", "|")
"""Separators of files whose texts are mostly not quoted."""
_DECLARED = re.compile(r'"?sep=(?P<sign>[,;|\t])"?[,;|\t]*\s*', re.IGNORECASE)
_FEW = 0.5  # share of rows that have as many fields as the header, below which a sign is no separator


def declared_separator(line: str) -> str | None:
    """The separator that Excel's first line "sep=;" declares.

    >>> declared_separator("sep=;"), declared_separator("query,positive")
    (';', None)
    """
    found = _DECLARED.fullmatch(line)
    return found["sign"] if found else None


def separator_of(head: Sequence[str], usual: str) -> str:
    """The separator of the first lines of a file: `usual`, unless another one divides them better and more evenly."""
    shares = {sign: _share(head, sign) for sign in (usual, *(one for one in SEPARATORS if one != usual))}
    best = max(shares, key=lambda sign: shares[sign])
    finer = bool(head) and head[0].count(best) > head[0].count(usual)
    return best if shares[best] > shares[usual] and shares[best] >= _FEW and finer else usual


def _share(head: Sequence[str], sign: str) -> float:
    """The share of rows that have as many fields as the header, 0 where that has one only."""
    plain = [line.rstrip("\r\n").count(sign) + 1 for line in head if line.strip()]
    quoted = [len(fields) for fields in _rows(head, sign) if fields]
    shares = [
        sum(one == header for one in others) / len(others) if others else 1.0
        for header, *others in (counts for counts in (plain, quoted) if counts)
    ]
    return max(shares, default=0.0) if quoted and quoted[0] > 1 else 0.0


def _rows(lines: Sequence[str], sign: str) -> Iterator[list[str]]:
    reader = csv.reader(lines, delimiter=sign)
    while True:
        try:
            yield next(reader)
        except StopIteration:
            return
        except csv.Error:
            continue


def quotes_enclose(lines: Sequence[str], sign: str, width: int, *, header_quoted: bool, whole: bool) -> bool:
    """Whether quotation marks enclose the texts of a file whose texts are mostly not quoted.

    Args:
        lines: from the first one with a quotation mark on.
        sign: the separator.
        width: the number of columns.
        header_quoted: whether the names of the columns are in quotation marks.
        whole: whether these lines go up to the end of the file.
    """
    rows = [fields for line in lines if (fields := line.rstrip("\r\n").split(sign)) != [""]]
    complete = sum(len(fields) == width for fields in rows)
    covered = _quoted_lines(lines, sign, width, whole=whole)
    if width > 1 and covered != complete:
        return covered > complete
    marked = [field for field in chain.from_iterable(rows) if '"' in field]
    if not all(is_enclosed(field) for field in marked):
        return False
    commas = [field for field in chain.from_iterable(rows) if "," in field]
    # Excel encloses every text with a comma.
    like_excel = any("," in field for field in marked) and all(is_enclosed(field) for field in commas)
    return header_quoted or like_excel or any('""' in field[1:-1] for field in marked)


def is_enclosed(field: str) -> bool:
    """Whether a field is in quotation marks, and those within it are doubled.

    >>> is_enclosed('"a"'), is_enclosed('"a" b'), is_enclosed('"')
    (True, False, False)
    """
    return len(field) > 1 and field[0] == field[-1] == '"' and '"' not in field[1:-1].replace('""', "")


def _quoted_lines(lines: Sequence[str], sign: str, width: int, *, whole: bool) -> int:
    """How many lines are in rows of this width when quotation marks enclose texts."""
    reader = csv.reader(lines, delimiter=sign, strict=True)
    covered = 0
    while True:
        before = reader.line_num
        try:
            fields = next(reader)
        except StopIteration:
            return covered
        except csv.Error:
            if reader.line_num >= len(lines) and not whole:  # the row goes on behind these lines
                covered += reader.line_num - before
            continue
        covered += (reader.line_num - before) * (len(fields) == width)
