import json
from dataclasses import replace

import pytest

from embedtune.data.formats import Mined, written_formats
from embedtune.data.formats.shared.find import read_part
from embedtune.data.formats.shared.mined import Written, check_format, write_mined
from embedtune.data.sources.tables import open_table
from embedtune.errors import ConfigError, OutputError

FULL = Mined(
    anchor="비밀번호를 잊었어요",
    positives=("재설정을 누르세요", "Press\nreset"),
    negatives=("환불은 닷새", 'a "quote"', "c"),
    positive_scores=(0.8, 0.75),
    negative_scores=(0.6, 0.5, -0.25),
    provenance={"miner": "starter", "ranks": "0 3 4"},
)
SHORT = Mined("q2", ("p",), ("n",), (0.9,), (0.1,))
BARE = Mined("q3", ("p3",), (), (0.9,), ())
ALL = (FULL, SHORT, BARE)
# Rows that each format makes of the three, and pairs that it leaves out.
SIZES = {
    "rows": Written(4, 0),
    "triplet": Written(7, 1),
    "n-tuple": Written(2, 2),
    "labelled-pair": Written(8, 0),
    "labelled-list": Written(3, 1),
    "flagembedding": Written(2, 1),
    "tevatron": Written(2, 1),
}


@pytest.fixture(params=["jsonl", "parquet"])
def written(request, tmp_path):
    """Writes the three queries in a format; returns the path and what was said."""

    def write(name: str, mined=ALL):
        path = tmp_path / f"mined.{request.param}"
        return path, write_mined(path, name, iter(mined), 3)

    return write


def records(path) -> list[dict]:
    return [record for _, record in open_table(path).records]


def test_every_format_is_known_and_the_default_comes_first() -> None:
    assert next(iter(written_formats())) == "rows"
    assert set(written_formats()) == set(SIZES)


@pytest.mark.parametrize("name", SIZES)
def test_rows_and_what_is_left_out(written, name) -> None:
    path, said = written(name)
    assert said == SIZES[name]
    assert len(records(path)) == said.rows


def test_rows_come_back_with_their_scores(written) -> None:
    path, _ = written("rows")
    rows = read_part(open_table(path), {}).content
    assert rows.anchors == [FULL.anchor, FULL.anchor, "q2", "q3"]
    assert rows.positives == [*FULL.positives, "p", "p3"]
    assert rows.negatives == [FULL.negatives, FULL.negatives, ("n",), ()]
    assert rows.teacher_scores == [[0.8, 0.6, 0.5, -0.25], [0.75, 0.6, 0.5, -0.25], [0.9, 0.1], [0.9]]
    assert dict(records(path)[0]["provenance"]) == FULL.provenance


def test_triplets_come_back(written) -> None:
    path, _ = written("triplet")
    rows = read_part(open_table(path), {}).content
    expected = [(FULL.anchor, p, (n,)) for p in FULL.positives for n in FULL.negatives]
    assert list(zip(rows.anchors, rows.positives, rows.negatives, strict=True)) == [*expected, ("q2", "p", ("n",))]
    assert records(path)[4]["scores"] == [0.75, 0.5]


def test_n_tuples_come_back(written) -> None:
    path, _ = written("n-tuple")
    rows = read_part(open_table(path), {}).content
    assert rows.positives == list(FULL.positives)
    assert rows.negatives == [FULL.negatives] * 2
    assert records(path)[1]["scores"] == [0.75, 0.6, 0.5, -0.25]


def test_labelled_pairs_come_back_as_the_positive_pairs(written) -> None:
    path, _ = written("labelled-pair")
    rows = read_part(open_table(path), {}).content
    assert list(zip(rows.anchors, rows.positives, strict=True)) == [
        *((FULL.anchor, positive) for positive in FULL.positives),
        ("q2", "p"),
        ("q3", "p3"),
    ]
    assert {record["sentence2"]: record["label"] for record in records(path)}["c"] == 0


def test_labelled_lists(written) -> None:
    path, _ = written("labelled-list")
    assert records(path)[1] == {
        "anchor": FULL.anchor,
        "documents": [FULL.positives[1], *FULL.negatives],
        "labels": [1, 0, 0, 0],
    }


def test_flagembedding_rows_come_back_with_their_scores(written) -> None:
    path, _ = written("flagembedding")
    rows = read_part(open_table(path), {}).content
    assert rows.positives == [*FULL.positives, "p"]
    assert rows.negatives == [FULL.negatives, FULL.negatives, ("n",)]
    assert rows.teacher_scores == [[0.8, 0.6, 0.5, -0.25], [0.75, 0.6, 0.5, -0.25], [0.9, 0.1]]


def test_tevatron_rows_come_back(written) -> None:
    path, _ = written("tevatron", (FULL, replace(SHORT, negatives=FULL.negatives[:1])))
    rows = read_part(open_table(path), {}).content
    assert rows.positives == [*FULL.positives, "p"]
    assert rows.negatives == [FULL.negatives, FULL.negatives, FULL.negatives[:1]]
    first, second = (record["negative_passages"][0]["docid"] for record in records(path))
    assert first == second


def test_the_reference_rows_of_the_usual_formats(tmp_path) -> None:
    """The rows that sentence-transformers makes of the same negatives, positives per query in the order given."""
    from pathlib import Path

    file = json.loads((Path(__file__).parents[3] / "vectors" / "mining.json").read_text(encoding="utf-8"))
    case = next(case for case in file["cases"] if case["id"] == "mine/relmargin0.2")
    positives, expected = file["inputs"]["main"]["positives_per_query"], case["expected"]
    mined = [
        Mined(
            f"q{query}",
            tuple(f"d{p}" for p in own),
            tuple(f"d{n}" for n in found),
            (0.0,) * len(own),
            (0.0,) * len(found),
        )
        for query, (own, found) in enumerate(zip(positives, expected["negatives_per_query"], strict=True))
    ]

    def numbers(record: dict) -> list:
        texts = [value for name, value in record.items() if name not in ("scores", "label", "labels")]
        plain = [[int(t[1:]) for t in value] if isinstance(value, list) else int(value[1:]) for value in texts]
        return plain + [record[name] for name in ("label", "labels") if name in record]

    names = {
        "triplet": "triplet",
        "n-tuple": "n_tuple",
        "labelled-pair": "labeled_pair",
        "labelled-list": "labeled_list",
    }
    for name, theirs in names.items():
        path = tmp_path / f"{theirs}.jsonl"
        write_mined(path, name, mined, 3)
        assert sorted(map(numbers, records(path)), key=str) == sorted(expected[f"{theirs}_rows"], key=str), name


@pytest.mark.parametrize("name", SIZES)
def test_the_same_queries_make_the_same_bytes(written, name) -> None:
    path, _ = written(name)
    before = path.read_bytes()
    written(name)
    assert path.read_bytes() == before


def test_parquet_keeps_its_columns_when_no_query_found_anything(tmp_path) -> None:
    import pyarrow.parquet

    path = tmp_path / "mined.parquet"
    assert write_mined(path, "n-tuple", [BARE], 2) == Written(0, 1)
    assert pyarrow.parquet.read_schema(path).names == ["anchor", "positive", "negative_1", "negative_2", "scores"]


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_a_failure_half_way_leaves_the_old_file_and_nothing_else(tmp_path, suffix) -> None:
    path = tmp_path / f"mined.{suffix}"
    path.write_text("old")

    def broken():
        yield FULL
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_mined(path, "rows", broken(), 3)
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_places_that_cannot_be_written_and_names_that_do_not_exist(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        write_mined(tmp_path / "file" / "mined.parquet", "rows", [FULL], 3)
    with pytest.raises(ConfigError, match="did you mean 'labelled-pair'"):
        check_format(tmp_path / "mined.jsonl", "labeled-pair")
    with pytest.raises(ConfigError, match=r"suffix '\.csv'"):
        check_format(tmp_path / "mined.csv", "rows")


@pytest.mark.parametrize("name", SIZES)
def test_every_format_is_read_back_with_all_its_negatives(written, name) -> None:
    path, _ = written(name)
    part = read_part(open_table(path), {})
    pairs, kept = {}, {"rows": ALL, "labelled-pair": ALL, "n-tuple": (FULL,), "triplet": (FULL, SHORT)}
    for anchor, positive, negatives in zip(
        part.content.anchors, part.content.positives, part.content.negatives, strict=True
    ):
        pairs.setdefault((anchor, positive), set()).update(negatives)
    few = kept.get(name, (FULL, SHORT))
    assert pairs == {(one.anchor, positive): set(one.negatives) for one in few for positive in one.positives}
    assert not [sentence for sentence in part.said if "not used" in sentence and "query_id" not in sentence]


@pytest.mark.parametrize("name", ["triplet", "n-tuple"])
def test_scores_in_one_list_teach(written, name) -> None:
    path, _ = written(name)
    rows = read_part(open_table(path), {}).content
    if name == "n-tuple":
        assert rows.teacher_scores == [[0.8, 0.6, 0.5, -0.25], [0.75, 0.6, 0.5, -0.25]]
    else:
        first = [[0.8, score] for score in FULL.negative_scores] + [[0.75, score] for score in FULL.negative_scores]
        assert rows.teacher_scores == [*first, [0.9, 0.1]]
