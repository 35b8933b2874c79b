"""Vectors from a file: the right one for each text and role, and every fault named."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from embedtune.data.guides.guide_file import guide_kind
from embedtune.data.guides.guide_vectors import GuideVectors
from embedtune.errors import DataError
from embedtune.identity import text_id

TEXTS = ["환불은 언제 되나요?", "How long does a refund take?", "5 working days"]


def vectors_of(count: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(count, 4)).astype(np.float32)


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture
def write(tmp_path, lines):
    """Writes records with vectors as Parquet or JSON lines."""

    def put(records, suffix=".parquet", kind=None):
        path = tmp_path / f"vectors{suffix}"
        if suffix == ".jsonl":
            path.write_text(lines([one | {"vector": list(map(float, one["vector"]))} for one in records]), "utf-8")
            return path
        table = pa.Table.from_pylist([one | {"vector": list(map(float, one["vector"]))} for one in records])
        if kind is not None:
            table = table.set_column(table.schema.get_field_index("vector"), "vector", table["vector"].cast(kind))
        pyarrow.parquet.write_table(table, path)
        return path

    return put


@pytest.mark.parametrize("key", ["text", "id"])
@pytest.mark.parametrize(
    ("suffix", "kind"), [(".parquet", None), (".parquet", pa.list_(pa.float32(), 4)), (".jsonl", None)]
)
def test_each_text_gets_its_vector(write, key, suffix, kind):
    own = vectors_of(3)
    keys = TEXTS if key == "text" else list(map(text_id, TEXTS))
    path = write([{key: one, "vector": vector} for one, vector in zip(keys, own, strict=True)][::-1], suffix, kind)
    assert guide_kind(path) == "vectors"
    # White space and the form of Hangul make no other text; a text asked for twice gets the same vector.
    asked = [TEXTS[2], "  5  working days", TEXTS[0]]
    for role in ("query", "document"):
        np.testing.assert_allclose(GuideVectors(path).encode(asked, role), unit(own)[[2, 2, 0]], rtol=1e-6)


def test_a_role_has_vectors_of_its_own(write):
    own = vectors_of(2)
    roles = ("query", "document")
    path = write([{"text": TEXTS[0], "role": role, "vector": own[i]} for i, role in enumerate(roles)])
    for i, role in enumerate(roles):
        np.testing.assert_allclose(GuideVectors(path).encode(TEXTS[:1], role), unit(own)[[i]], rtol=1e-6)


def test_names_of_the_data_mean_what_their_role_says(write):
    own = vectors_of(2)
    path = write([{"id": name, "vector": own[i]} for i, name in enumerate(["1", "d7"])])
    names = {"query": {"1": text_id(TEXTS[0])}, "document": {"1": text_id(TEXTS[1]), "d7": text_id(TEXTS[2])}}
    file = GuideVectors(path, names)
    np.testing.assert_allclose(file.encode([TEXTS[0]], "query"), unit(own)[[0]], rtol=1e-6)
    np.testing.assert_allclose(file.encode([TEXTS[1], TEXTS[2]], "document"), unit(own), rtol=1e-6)
    with pytest.raises(DataError, match="the signed 64-bit text id"):
        GuideVectors(path).encode([TEXTS[0]], "query")


def test_missing_texts_are_counted_and_shown(write):
    path = write([{"text": TEXTS[0], "vector": vectors_of(1)[0]}])
    with pytest.raises(DataError, match="no vector for 2 of 3 texts used as document") as caught:
        GuideVectors(path).encode(TEXTS, "document")
    assert TEXTS[1] in caught.value.message and caught.value.next
    with pytest.raises(DataError, match=r"1 of 2 texts used as query, .* and for 1 of 1 text used") as caught:
        GuideVectors(path).check({"query": TEXTS[:2], "document": TEXTS[2:]})
    assert TEXTS[1] in caught.value.message and TEXTS[2] in caught.value.message
    GuideVectors(path).check({"query": TEXTS[:1]})


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ({"text": "b", "vector": [1.0, float("nan"), 0.0, 0.0]}, "NaN or infinity"),
        ({"text": "b", "vector": [1.0, 0.0]}, "the vector has 2 numbers, the first of the file has 4"),
        ({"text": "b", "vector": [1.0, 0.0, 0.0, 0.0], "role": "passage"}, "'role' must be query or document"),
        ({"vector": [1.0, 0.0, 0.0, 0.0]}, "a vector needs its text"),
    ],
)
def test_faults_name_their_row(write, record, words):
    path = write([{"text": "a", "vector": [1.0, 0.0, 0.0, 0.0]}, record], ".jsonl")
    with pytest.raises(DataError, match=words) as caught:
        GuideVectors(path).encode(["a"], "query")
    assert caught.value.where == f"{path}:2"


def test_other_columns_are_neither(write):
    with pytest.raises(DataError, match="cannot tell the kind of guide from the columns words, vector;"):
        guide_kind(write([{"words": "a", "vector": [1.0]}]))
