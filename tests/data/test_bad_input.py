"""Bad input as it comes: each gives one `DataError` that names the place and says what is wrong."""

import json

import pytest

from embedtune.config.sections.learned_data import DataSection
from embedtune.data.prepare import prepare
from embedtune.errors import DataError, EmbedtuneError

GOOD = '{"anchor": "질문 하나", "positive": "답 하나"}\n{"anchor": "질문 둘", "positive": "답 둘"}\n'

FILES = [
    # name, content, place (line or None), words of the message
    ("empty.jsonl", "", None, "the file is empty"),
    ("empty.csv", "", None, "the file is empty"),
    ("blank.jsonl", "\n\n", None, "nothing but blank lines"),
    ("header.csv", "anchor,positive\n", None, "no rows"),
    ("array.json", "[]", None, "no rows"),
    ("missing-column.jsonl", '{"anchor": "a", "reply": "b"}\n', None, "pairs also need 'positive'"),
    ("missing-in-row.jsonl", GOOD + '{"anchor": "a", "reply": "b"}\n', 3, "'positive' is missing; this row has"),
    ("no-header.csv", "How?,So.\nWhy?,Because.\n", None, "cannot tell the format from the columns 'How?', 'So.'"),
    ("colon.csv", "anchor:positive\na:b\n", None, "cannot tell the format from the columns 'anchor:positive'"),
    ("empty-text.jsonl", '{"anchor": " ", "positive": "b"}\n', 1, "'anchor' is empty"),
    ("null.jsonl", '{"anchor": null, "positive": "b"}\n', 1, "'anchor' is nothing (null)"),
    ("number.jsonl", GOOD + '{"anchor": 12, "positive": "b"}\n', 3, "got a number (12)"),
    ("list.jsonl", GOOD + '{"anchor": ["a"], "positive": "b"}\n', 3, "got a list (['a'])"),
    ("surrogate.jsonl", GOOD + '{"anchor": "\\ud83d", "positive": "b"}\n', 3, "half a character"),
    ("nul-escape.jsonl", GOOD + '{"anchor": "a\\u0000", "positive": "b"}\n', 3, "NUL"),
    ("nul.csv", "anchor,positive\na\0,b\nc,d\n", 2, "a NUL character at column 2"),
    ("broken.jsonl", GOOD + '{"anchor": "a", positive: "b"}\n', 3, "invalid JSON at column 17"),
    ("cut-after-comma.jsonl", GOOD + '{"anchor": "a", \n' + GOOD, 3, "invalid JSON at the end of the line"),
    ("cut.jsonl", GOOD + '{"anchor": "a", "posi', 3, "invalid JSON at column 17"),
    ("field-twice.jsonl", GOOD + '{"anchor": "a", "anchor": "b", "positive": "c"}\n', 3, "'anchor' appears twice"),
    ("deep.jsonl", GOOD + "[" * 100_000 + "\n", 3, "invalid JSON"),
    ("huge-number.jsonl", GOOD + '{"anchor": ' + "9" * 5000 + "}\n", 3, "invalid JSON"),
    ("arrays.jsonl", '["a", "b"]\n["c", "d"]\n', 1, "order never decides"),
    ("array-later.jsonl", GOOD + '["a", "b"]\n', 3, "order never decides"),
    ("pretty.json", json.dumps({"data": []}, indent=1)[:-1], 1, "continues after this line"),
    ("column-twice.csv", "anchor,anchor,positive\na,b,c\n", 1, "'anchor' appears twice"),
    ("role-twice.jsonl", '{"query": "a", "anchor": "b", "positive": "c"}\n', None, "two columns could be 'anchor'"),
    ("fields.csv", "anchor,positive\na,b\nc,d,e\n", 3, "got 3 fields instead of 2"),
    ("open-quote.csv", 'anchor,positive\n"a,b\nc,d\n', 2, "is never closed"),
    ("quote.csv", 'anchor,positive\na,b\n"c"d,e\nf,g\n', 3, "',' expected"),
    ("negatives.jsonl", '{"query":"a","answer":"b","negative":"c"}\n{"query":"d","answer":"e","negative":["f"]}\n', 2,
     "a list here and a text at"),
    ("utf8.jsonl", GOOD.encode() + b'{"anchor": "\xff", "positive": "b"}\n', 3, "broken UTF-8"),
    ("cp949.csv", b"anchor,positive\n" + "질문,답\n".encode("cp949"), 2, "broken UTF-8"),
    ("utf16.csv", "anchor,positive\na,b\n".encode("utf-16")[:-1], None, "broken UTF-16"),
    ("image.jsonl", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\xff", None, "binary"),
    ("not-gzip.jsonl.gz", GOOD, None, "compression is broken"),
    ("not-parquet.parquet", GOOD, None, "cannot be read as Parquet"),
    ("sheet.ods", b"PK\x03\x04", None, "spreadsheets (.ods) are not read"),
    ("sheet.docx", b"PK\x03\x04", None, "cannot tell what kind of file"),
    ("one-row.jsonl", GOOD.splitlines()[0], None, "got only 1 row"),
    ("same-rows.jsonl", GOOD.splitlines()[0] + "\n" + GOOD.splitlines()[0], None, "all the same"),
    ("raw.txt", "첫 문장\n둘째 문장\n", None, "2 texts without pairs"),
    ("alone.jsonl", '{"text": "a", "label": "x"}\n{"text": "b", "label": "y"}\n', None, "no class has two texts"),
    ("scores.jsonl", '{"sentence1": "a", "sentence2": "b", "score": "high"}\n', 1, "must be a number"),
    ("nli.jsonl", '{"premise": "a", "hypothesis": "b", "label": 1}\n', None, "entailment, neutral, contradiction"),
    ("flag.jsonl", '{"query": "a", "pos": []}\n', 1, "every query needs a positive"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "content", "line", "words"), FILES, ids=[name for name, *_ in FILES])
def test_files(put, name, content, line, words) -> None:
    path = put(name, content)
    with pytest.raises(DataError) as caught:
        prepare(DataSection(source=str(path)), 0)
    error = caught.value
    assert words in error.message
    assert error.where == (f"{path}:{line}" if line else str(path))
    assert error.exit_code == 1


@pytest.mark.parametrize("name", ["nothing.jsonl", "nowhere/at-all.csv", "empty-folder", "odd-folder"])
def test_places(put, tmp_path, name) -> None:
    (tmp_path / "empty-folder").mkdir()
    put("odd-folder/slides.pptx", b"PK\x03\x04")
    with pytest.raises(DataError) as caught:
        prepare(DataSection(source=str(tmp_path / name)), 0)
    assert str(tmp_path / name) in str(caught.value.where)


def test_a_hundred_faults_are_counted_and_twenty_shown(put, lines) -> None:
    path = put("a.jsonl", lines([{"anchor": "", "positive": f"p{i}"} for i in range(100)]))
    with pytest.raises(DataError) as caught:
        prepare(DataSection(source=str(path)), 0)
    assert "100 problems" in caught.value.message
    assert caught.value.message.count("'anchor' is empty") == 20
    assert "and 80 more" in caught.value.message


@pytest.mark.parametrize(
    "options",
    [
        {"split": "extra"},
        {"eval_split": "extra"},
        {"columns": {"anchor": "missing"}},
        {"columns": {"ancor": "anchor"}},
        {"group": "missing"},
        {"eval_source": "missing.jsonl"},
    ],
)
def test_options(put, lines, pairs, options) -> None:
    path = put("a.jsonl", lines(pairs(30)))
    with pytest.raises(EmbedtuneError) as caught:
        prepare(DataSection(source=str(path), **options), 0)
    assert caught.value.message


@pytest.mark.parametrize("cut", range(0, 400, 7))
def test_a_file_cut_anywhere_is_read_or_refused(put, lines, pairs, cut) -> None:
    content = lines(pairs(12)).encode()
    path = put("a.jsonl", content[:cut])
    try:
        data = prepare(DataSection(source=str(path)), 0)
    except DataError as error:
        assert str(path) in str(error.where)
    else:
        assert content[:cut].rstrip().endswith(b"}")
        assert len(data.train) >= 2
