"""What a model declares and how it is built decides what every verb does with it."""

import math
from pathlib import Path

import numpy as np
import pytest
from beir_writer import write_beir
from zoo import SHAPES, WORDS, make

import embedtune

KNOWN = [word for word in WORDS if word.isalpha() and len(word) > 2][:32]
"""Words whose tokens the models know; with unknown ones, different texts would have the same vector."""
QUERIES = [f"{word} {KNOWN[place - 1]}?" for place, word in enumerate(KNOWN)]
DOCUMENTS = [f"{KNOWN[place - 1]} {word} account" + " how" * (place % 4) for place, word in enumerate(KNOWN)]
LOCAL = {"device": "cpu", "store": "none"}


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A folder to work in, with a judged set of 32 queries that has a part for training and one for the test."""
    monkeypatch.chdir(tmp_path)
    judged = {f"q{place:02}": {f"d{place:02}": 1} for place in range(len(QUERIES))}
    parts = {"train": dict(list(judged.items())[:24]), "test": dict(list(judged.items())[24:])}
    corpus = {f"d{place:02}": text for place, text in enumerate(DOCUMENTS)}
    write_beir(tmp_path / "set", corpus, {f"q{place:02}": text for place, text in enumerate(QUERIES)}, parts)


def plain(folder: str | Path):
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(folder), device="cpu", local_files_only=True)


def ndcg(model, *, unit: bool) -> float:
    """nDCG@10 on the eight test queries, whose one relevant document each has the query's number, by a plain loop."""
    queries, documents = model.encode_query(QUERIES[24:]), model.encode_document(DOCUMENTS)
    if unit:
        queries, documents = (part / np.linalg.norm(part, axis=1, keepdims=True) for part in (queries, documents))
    total = 0.0
    for row, query in enumerate(queries):
        scores = [np.float32(np.dot(query.astype(np.float64), one.astype(np.float64))) for one in documents]
        # Of equal scores, the greater id comes first, as in trec_eval.
        order = sorted(range(len(DOCUMENTS)), key=lambda place: (scores[place], place), reverse=True)
        rank = order.index(24 + row)
        total += 1 / math.log2(rank + 2) if rank < 10 else 0.0
    return total / 8


def evaluated(folder: Path) -> tuple[float, list[str]]:
    result = embedtune.evaluate(model=str(folder), data="set", output="scored", **LOCAL).as_json()
    codes = [finding["message"] for finding in result["findings"] if finding["code"] == "declared-similarity"]
    return result["models"][0]["metrics"]["ndcg@10"], codes


@pytest.mark.parametrize(
    ("shape", "unit", "words"),
    [
        ("dot", False, ["inner product"]),
        ("dot-normalize", True, []),
        ("euclidean", True, ["by cosine"]),
        ("router-last", True, []),
        ("router-mapped", True, []),
        ("truncate-dim", True, []),
    ],
)
def test_evaluation_is_what_the_model_declares(shape: str, unit: bool, words: list[str], tmp_path: Path):
    folder = make(SHAPES[shape], tmp_path / shape)
    score, said = evaluated(folder)
    assert score == pytest.approx(ndcg(plain(folder), unit=unit), abs=1e-6)
    assert [word in message for word, message in zip(words, said, strict=True)] == [True] * len(words)


def test_what_dot_is_matters_here(tmp_path: Path):
    """Otherwise the test above could not fail."""
    model = plain(make(SHAPES["dot"], tmp_path / "dot"))
    assert ndcg(model, unit=True) != pytest.approx(ndcg(model, unit=False), abs=1e-3)


def test_search_and_encode_follow_a_declared_dot(tmp_path: Path):
    folder = make(SHAPES["dot"], tmp_path / "dot")
    model = plain(folder)
    expected = (model.encode_query(QUERIES[:1]) @ model.encode_document(DOCUMENTS).T)[0]  # (C,)
    opened = embedtune.open_search(model=str(folder), data="set", top=3, **LOCAL)
    found = opened.ask(QUERIES[0]).results[str(folder)]
    assert [one.document for one in found] == [f"d{place:02}" for place in np.argsort(-expected)[:3]]
    np.testing.assert_allclose([one.score for one in found], np.sort(expected)[::-1][:3], atol=1e-4)
    Path("texts.txt").write_text("\n".join(DOCUMENTS), encoding="utf-8")
    embedtune.encode(model=str(folder), data="texts.txt", output="vectors.npy", dtype="float32", **LOCAL)
    np.testing.assert_allclose(np.load("vectors.npy"), model.encode_document(DOCUMENTS), atol=1e-5)


def trained(folder: Path, **options):
    short = {"max_steps": 3, "batch_size": 8, "lr": 0.01, "output": "run", **LOCAL}
    return embedtune.train("output.check_saved=here", model=str(folder), data="set", **short, **options).as_json()


@pytest.mark.usefixtures("rising")
@pytest.mark.parametrize("shape", ["router-last", "router-mapped"])
def test_both_heads_of_a_router_are_used_and_trained(shape: str, tmp_path: Path):
    folder = make(SHAPES[shape], tmp_path / shape)
    result = trained(folder)
    before, after = plain(folder), plain(result["model"])
    assert result["before"]["ndcg@10"] == pytest.approx(ndcg(before, unit=True), abs=1e-6)
    assert result["after"]["ndcg@10"] == pytest.approx(ndcg(after, unit=True), abs=1e-6)
    heads = {name: weight for name, weight in before.named_parameters() if "sub_modules" in name}
    changed = {name for name, weight in after.named_parameters() if name in heads and (weight != heads[name]).any()}
    assert changed == set(heads) and len(heads) == 4


def test_a_declared_dot_is_replaced_by_what_is_trained_and_judged(tmp_path: Path):
    folder = make(SHAPES["dot"], tmp_path / "dot")
    result = trained(folder)
    assert plain(result["model"]).similarity_fn_name == "cosine"
    assert result["before"]["ndcg@10"] == pytest.approx(ndcg(plain(folder), unit=True), abs=1e-6)
    assert any("declares dot" in finding["message"] for finding in result["findings"])
    mined = embedtune.mine(model=str(folder), data="set", negatives=1, range="0:9", **LOCAL).as_json()
    assert any("negatives are mined by cosine" in finding["message"] for finding in mined["findings"])


def test_shorter_vectors_are_trained_as_they_are_used(tmp_path: Path):
    folder = make(SHAPES["truncate-dim-normalize"], tmp_path / "short")
    result = trained(folder)
    model = plain(result["model"])
    assert model.truncate_dim == 8
    assert result["after"]["ndcg@10"] == pytest.approx(ndcg(model, unit=True), abs=1e-6)


def test_a_length_binds_the_starter_as_it_binds_every_model(tmp_path: Path):
    folder = make(SHAPES["bert-mean"], tmp_path / "bert")
    result = embedtune.evaluate(
        model=("starter", str(folder)), data="set", max_length=8, output="scored", **LOCAL
    ).as_json()
    assert [row["truncated"]["document"]["max_length"] for row in result["models"]] == [8, 8]


def test_a_query_model_that_declares_otherwise_is_said(tmp_path: Path):
    folders = [str(make(SHAPES[name], tmp_path / name)) for name in ("bert-mean", "dot")]
    result = embedtune.evaluate(
        model=folders[0], query_model=folders[1], data="set", output="scored", **LOCAL
    ).as_json()
    [said] = [finding["message"] for finding in result["findings"] if finding["code"] == "declared-similarity"]
    assert said.startswith(folders[1]) and "by cosine" in said
