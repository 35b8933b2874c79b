"""Hostile content for every reader: damaged copies of good files, and tables of odd values under the usual names."""

import csv
import io
import json
import random
from collections.abc import Mapping
from dataclasses import dataclass

from hypothesis import strategies as st

# What has broken readers elsewhere: extreme numbers, odd characters and line ends, injections.
NASTY = (
    *("", " ", "\t", "\n", "\r", "\r\n", "\0", "\x1b[2J\x1b[31m", "\x85", "\u2028", "\u202e", "\ufeff", "\ufffd"),
    *("NaN", "-Infinity", "1e999", "-0", "9" * 400, "9" * 5000, "1e-400", "0x10", "1_000", "٣", "½", "true", "null"),
    *("\\ud83d", "\\u0000", '"', "''", "{", "}" * 40, "[" * 3000, '{"a":' * 3000, "]", ",", ":", "\\", "#", "&a *a"),
    *("=cmd|'/c calc'!A0", "@SUM(1)", "<script>alert(1)</script>", "{{7*7}}", "%s%n", "../../x", "/dev/zero", "~root"),
    *(
        "ᄒ" * 300,
        "한글",
        "👩‍👩‍👧",
        "가\u0301",
        "a" * 70_000,
        "!!python/object/apply:os.system [id]",
        "<<: *a",
        "- " * 50,
    ),
)
NASTY_BYTES = (
    b"\xff",
    b"\x00" * 9,
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b"\x1f\x8b",
    b"PAR1",
    b"\x28\xb5\x2f\xfd",
    b"PK\x03\x04",
)
FIELDS = (
    *(
        "anchor",
        "query",
        "question",
        "sentence1",
        "positive",
        "answer",
        "document",
        "sentence2",
        "negative",
        "negatives",
    ),
    *("negative_1", "negative_2", "pos", "neg", "pos_scores", "neg_scores", "score", "label", "text", "texts", "title"),
    *("_id", "id", "docid", "query-id", "corpus-id", "query_id", "positive_passages", "negative_passages", "vector"),
    *(
        "role",
        "group",
        "premise",
        "hypothesis",
        "decision",
        "positive_score",
        "scores",
        "step",
        "loss",
        "unseen",
        "key",
    ),
)

words = st.sampled_from(("질문", "answer", "한 줄", "q1", "d1", "entailment", "positive", "0.5", "1")) | st.text(
    max_size=8
)
scalars = (
    words
    | words
    | st.sampled_from(NASTY)
    | st.integers(-3, 5)
    | st.integers()
    | st.floats()
    | st.booleans()
    | st.none()
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=3),
    max_leaves=6,
)
names = st.sampled_from(FIELDS) | st.text(max_size=3)
tables = st.one_of(
    # One set of columns for all rows, as files have them, so that readers get past their first look.
    st.lists(names, min_size=1, max_size=5, unique=True).flatmap(
        lambda columns: st.lists(st.fixed_dictionaries(dict.fromkeys(columns, values)), max_size=6)
    ),
    st.lists(st.dictionaries(names, values, max_size=5), max_size=5),
)


def as_file(rows: list[dict], suffix: str) -> bytes:
    """Rows as a file of this kind."""
    if suffix in (".jsonl", ".json"):
        lines = [json.dumps(row, ensure_ascii=len(rows) % 2 == 0) for row in rows]
        text = "\n".join(lines) if suffix == ".jsonl" else f"[{', '.join(lines)}]"
        return text.encode("utf-8", "surrogatepass")
    stream = io.StringIO()
    columns = list(dict.fromkeys(column for row in rows for column in row))
    table = csv.writer(stream, delimiter="\t" if suffix == ".tsv" else ",")
    table.writerows([columns, *([row.get(column, "") for column in columns] for row in rows)])
    return stream.getvalue().encode("utf-8", "surrogatepass")


@dataclass(frozen=True)
class Case:
    """Files by path, one of them made hostile."""

    files: Mapping[str, bytes]

    def __repr__(self) -> str:
        return f"Case({ {name: content[:4000] for name, content in self.files.items()} })"


@st.composite
def cases(draw: st.DrawFn, bases: tuple[Mapping[str, bytes], ...]) -> Case:
    """One of the good sets of files with one file damaged, replaced by an odd table, or both."""
    files = dict(draw(st.sampled_from(bases)))
    name = draw(st.sampled_from(sorted(files)))
    suffix = next((one for one in (".jsonl", ".json", ".csv", ".tsv") if name.endswith(one)), None)
    # A damaged file is mostly refused at once; odd values in a sound one get further.
    way = draw(st.sampled_from(("damage", "odd", "odd", "edit", "edit", "edit", "both")))
    chance = random.Random(draw(st.integers(0, 2**40)))
    if way == "odd" and suffix:
        files[name] = as_file(draw(tables), suffix)
    elif way != "damage":
        files[name] = edited(files[name], suffix, chance)
    if way in ("damage", "both") or not suffix:
        files[name] = damaged(files[name], chance)
    return Case(files)


def edited(content: bytes, suffix: str | None, draw: random.Random) -> bytes:
    """JSON lines with a few values changed, dropped, renamed, repeated or of another type; other content unchanged."""
    if suffix != ".jsonl":
        return content
    rows = [json.loads(line) for line in content.splitlines()]
    for _ in range(draw.randint(1, 3)):
        row = draw.choice(rows)
        key = draw.choice(list(row) or [""])
        match draw.randrange(6):
            case 0:
                row[key] = draw.choice(NASTY)
            case 1:
                row[key] = draw.choice(
                    (None, True, -1, 0.5, 2**70, 1e308, float("nan"), [], {}, [None], [[1]], {"a": 1})
                )
            case 2:
                row.pop(key, None)
            case 3:
                row[draw.choice(FIELDS)] = row.pop(key, "x")
            case 4:
                rows.append(dict(row))
            case _:
                row[key] = [row.get(key), draw.choice((1, "한글", None, 0.5))]
    return as_file(draw.sample(rows, len(rows)) if draw.random() < 0.5 else rows, suffix)


def damaged(content: bytes, draw: random.Random) -> bytes:
    """The content with one to four pieces changed, cut, repeated, moved or replaced."""
    for _ in range(draw.randint(1, 4)):
        place = draw.randint(0, len(content))
        end = min(len(content), place + draw.choice((0, 1, 2, 8, 60, 4000)))
        piece = draw.choice(
            (
                b"",
                bytes(draw.randbytes(draw.randint(1, 6))),
                draw.choice(NASTY).encode("utf-8", "surrogatepass"),
                draw.choice(NASTY_BYTES),
                content[draw.randint(0, len(content)) :][:200],
                content[place:end] * draw.randint(2, 5),
            )
        )
        content = content[:place] + piece + content[end if draw.random() < 0.9 else len(content) :]
        if draw.random() < 0.25 and content:
            place = draw.randrange(len(content))
            content = content[:place] + bytes([content[place] ^ 1 << draw.randrange(8)]) + content[place + 1 :]
    return content
