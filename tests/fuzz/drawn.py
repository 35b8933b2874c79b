"""Hostile cases drawn from one seed each, thousands a second: the same ways as in `inputs`, and those of bytes.

Hypothesis finds small examples but draws only some hundred cases a second; a million need less care. What it does not
do is done here too: dialects of delimited files, encodings, stray quotation marks, odd ids and numbers, compression,
and small files that expand.
"""

import csv
import gzip
import io
import json
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fuzz.inputs import FIELDS, NASTY, NASTY_BYTES, Case, as_file, damaged, edited

IDS = ("a\tb", "a\nb", "\ud83d", "", " ", "d 1", "한 글", "d\u00a0", "9" * 30, -1, 1.5, None, True, ["a"], "\0", "d1")
NUMBERS = ("1_0", "１", "1.0", "1e3", "nan", "-inf", "1e999", "9" * 400, 10**30, -1, 0.5, True, None, "", "0x1", " 1 ")
ENCODINGS = ("cp949", "cp1252", "utf-16", "utf-16-le", "utf-32", "cp932", "gb18030", "utf-8-sig", "latin-1")
SIGNS = (",", "\t", ";", "|", ":", " ")
QUOTES = ('"', '""', "'", '"\n', '\n"', '\t"', '","', '"\t', "sep=;\n", "sep=,\r\n", ",,\n", '"' * 30)
_DELIMITED, _JSON = (".csv", ".tsv"), (".jsonl", ".json")
_EXPANDED = 600_000  # bytes that a small file holds of one piece


def drawn(bases: Sequence[Mapping[str, bytes]], seed: str) -> Case:
    """One of the good sets of files with one file made hostile; the same for the same seed."""
    chance = random.Random(seed)
    files = dict(chance.choice(bases))
    name = chance.choice(sorted(files))
    suffix = next((one for one in (*_JSON, *_DELIMITED) if name.endswith(one)), None)
    way = chance.choice(WAYS if suffix else (_damage, _bytes))
    files[name] = way(files[name], suffix, chance)
    if chance.random() < 0.15:
        files[name] = damaged(files[name], chance)
    if chance.random() < 0.02 and suffix:
        files[f"{name}.gz"] = gzip.compress(files.pop(name), 1, mtime=0)
    return Case(files)


def _damage(content: bytes, suffix: str | None, chance: random.Random) -> bytes:
    return damaged(content, chance)


def _edit(content: bytes, suffix: str | None, chance: random.Random) -> bytes:
    return edited(content, suffix, chance) if suffix == ".jsonl" else damaged(content, chance)


def _bytes(content: bytes, suffix: str | None, chance: random.Random) -> bytes:
    place = chance.randint(0, len(content))
    return content[:place] + chance.choice(NASTY_BYTES) * chance.choice((1, 1, 3, 500)) + content[place:]


def _table(content: bytes, suffix: str | None, chance: random.Random) -> bytes:
    columns = list(dict.fromkeys(chance.choice(FIELDS) for _ in range(chance.randint(1, 5))))
    rows = [{column: _value(column, chance) for column in columns} for _ in range(chance.randint(0, 6))]
    return as_file(rows, suffix or ".jsonl")


def _value(column: str, chance: random.Random, depth: int = 0) -> Any:
    if chance.random() < 0.6:
        if "id" in column:
            return chance.choice(IDS) if chance.random() < 0.5 else f"d{chance.randint(0, 3)}"
        if "score" in column or column in ("label", "decision", "vector", "step", "loss"):
            number = chance.choice(NUMBERS)
            return [number] * chance.randint(0, 3) if column.endswith("s") or column == "vector" else number
        return chance.choice(("질문", "answer", "한 줄", "q1", "d1", "entailment", "None", "nan", "0.5", "1"))
    if depth < 2 and chance.random() < 0.3:
        inner = [_value(column, chance, depth + 1) for _ in range(chance.randint(0, 3))]
        return inner if chance.random() < 0.7 else {chance.choice(FIELDS): one for one in inner}
    return chance.choice((*NASTY, None, True, -1, 2**70, 1e308, float("nan"), 0.5))


def _dialect(content: bytes, suffix: str | None, chance: random.Random) -> bytes:
    """A table written with another sign, end of line, encoding or way of quoting; JSON is wrapped or spread."""
    rows = _rows(content, suffix)
    if rows is None or not rows:
        return _quote(content, suffix, chance)
    if suffix in _JSON:
        return _json_dialect(rows, chance)
    stream = io.StringIO()
    columns = [str(column) for column in dict.fromkeys(column for row in rows for column in row)]
    columns += [""] * chance.choice((0, 0, 1, 3))
    quoting = chance.choice((csv.QUOTE_MINIMAL, csv.QUOTE_ALL))
    sign, end = chance.choice(SIGNS), chance.choice(("\n", "\r\n", "\r", "\r\r\n"))
    table = csv.writer(stream, delimiter=sign, lineterminator=end, quoting=quoting)
    table.writerows([columns, *([row.get(column, "") for column in columns] for row in rows)])
    text = chance.choice(("", "", f"sep={sign}{end}", "\n", "\ufeff")) + stream.getvalue()
    encoding = chance.choice(ENCODINGS) if chance.random() < 0.3 else "utf-8"
    return text.encode(encoding, "replace")


def _json_dialect(rows: list[dict[str, Any]], chance: random.Random) -> bytes:
    indent, ascii_only = chance.choice((None, 1)), chance.random() < 0.5
    match chance.randrange(6):
        case 0:
            text = json.dumps({chance.choice(("data", "rows", "x")): rows}, indent=indent, ensure_ascii=ascii_only)
        case 1:
            text = "\n".join(json.dumps(row, indent=indent) for row in rows)
        case 2:
            text = ",\n".join(json.dumps(row) for row in rows) + chance.choice(("", ","))
        case 3:
            text = "\n".join(map(str, rows))
        case 4:
            text = "\n".join(json.dumps(list(row.values())) for row in rows)
        case _:
            text = json.dumps(rows, indent=indent, ensure_ascii=ascii_only)[: chance.choice((None, -1, -5))] + "\n"
    return text.encode(chance.choice(ENCODINGS) if chance.random() < 0.2 else "utf-8", "replace")


def _quote(content: bytes, suffix: str | None, chance: random.Random) -> bytes:
    for _ in range(chance.randint(1, 3)):
        place = chance.randint(0, len(content))
        content = content[:place] + chance.choice(QUOTES).encode() + content[place:]
    return content


def _names(content: bytes, suffix: str | None, chance: random.Random) -> bytes:
    """Ids and numbers that other programs cannot hold."""
    rows = _rows(content, suffix)
    if not rows:
        return _quote(content, suffix, chance)
    for _ in range(chance.randint(1, 2)):
        row = chance.choice(rows)
        column = chance.choice(list(row) or ["_id"])
        row[column] = chance.choice(IDS if chance.random() < 0.5 else NUMBERS)
    return as_file(rows, suffix or ".jsonl")


def _expand(content: bytes, suffix: str | None, chance: random.Random) -> bytes:
    """A piece repeated very often, in one case of thirty; otherwise a hundred times."""
    start = chance.randint(0, len(content))
    piece = (
        chance.choice((content[start : start + 40], b'"', b"\n", b",", b"[", b"{", b"x", b"\xc1\xfa", b" ")) or b"\n"
    )
    most = _EXPANDED if chance.random() < 0.03 else 5000
    return content[:start] + piece * (most // len(piece) // chance.randint(1, 20)) + content[start:]


def _rows(content: bytes, suffix: str | None) -> list[dict[str, Any]] | None:
    try:
        text = content.decode("utf-8")
        if suffix == ".jsonl":
            rows = [json.loads(line) for line in text.splitlines()]
        elif suffix == ".json":
            rows = json.loads(text)
        else:
            rows = list(csv.DictReader(io.StringIO(text), delimiter="\t" if suffix == ".tsv" else ","))
    except (ValueError, csv.Error):
        return None
    return rows if isinstance(rows, list) and all(isinstance(row, dict) for row in rows) else None


Way = Callable[[bytes, str | None, random.Random], bytes]
WAYS: tuple[Way, ...] = (_damage, _bytes, _edit, _edit, _table, _table, _dialect, _dialect, _quote, _names, _expand)
