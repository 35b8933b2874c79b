"""`evaluate --rerank`: each ranking beside itself reranked, by scores that sentence-transformers gives too."""

import json
from pathlib import Path

import pytest

import embedtune
from embedtune.errors import ConfigError, ModelError
from embedtune.evaluation.trec import read_run


@pytest.fixture
def judged(beir) -> Path:
    return beir(30, test=[(i, i) for i in range(12)])


def test_what_reranking_adds_is_tested_against_each_ranking(judged, cross_folder, bert_folder, tmp_path) -> None:
    from sentence_transformers import CrossEncoder

    result = embedtune.evaluate(
        "evaluation.rerank_depth=5",
        model=[str(bert_folder), "bm25"],
        data=[str(judged)],
        rerank=str(cross_folder),
        output=str(tmp_path / "out"),
        store="none",
        device="cpu",
    )
    labels = [row["label"] for row in result.models]
    assert labels == [str(bert_folder), "bm25", f"{bert_folder}, reranked", "bm25, reranked"]
    pairs = [(one["kind"], one["a"], one["b"]) for one in result.comparisons]
    assert pairs == [
        ("systems", labels[0], labels[1]),
        ("reranked", labels[0], labels[2]),
        ("reranked", labels[1], labels[3]),
    ]
    peer = CrossEncoder(str(cross_folder), device="cpu", local_files_only=True)
    texts = {line["_id"]: line["text"] for line in _lines(judged / "corpus.jsonl")}
    questions = {line["_id"]: line["text"] for line in _lines(judged / "queries.jsonl")}
    before, after = (read_run(Path(str(row["run"]))) for row in (result.models[0], result.models[2]))
    for query, found in after.items():
        first = sorted(before[query], key=lambda one: (before[query][one], one), reverse=True)[:5]
        scores = dict(zip(first, peer.predict([(questions[query], texts[one]) for one in first]).tolist(), strict=True))
        ranked = sorted(found, key=lambda one: (found[one], one), reverse=True)
        assert set(ranked[:5]) == set(first)
        assert [scores[one] for one in ranked[:5]] == pytest.approx(sorted(scores.values(), reverse=True), abs=1e-6)
    assert result.models[0]["metrics"]["recall@100"] == result.models[2]["metrics"]["recall@100"]


def _lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_what_cannot_rerank_or_be_reranked_is_refused(judged, bert_folder, cross_folder, tmp_path) -> None:
    with pytest.raises(ModelError, match="not trained to score pairs") as refused:
        embedtune.evaluate(model=["bm25"], data=[str(judged)], rerank=str(bert_folder))
    assert refused.value.where == "--rerank"
    for name in ("bm25", "starter", "https://api.example.com/v1#small"):
        with pytest.raises(ModelError, match="it is not a cross-encoder") as refused:
            embedtune.evaluate(model=["bm25"], data=[str(judged)], rerank=name)
        assert refused.value.where == "--rerank"
        assert "--task reranker" in refused.value.next and "mine" not in refused.value.next
    rows = [{"sentence1": f"a {i}", "sentence2": f"b {i}", "score": i / 4} for i in range(5)]
    (tmp_path / "sts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    with pytest.raises(ConfigError, match="is for similarity"):
        embedtune.evaluate(model=[str(bert_folder)], data=[str(tmp_path / "sts.jsonl")], rerank=str(cross_folder))


def test_a_weight_of_cosines_is_for_vectors_and_not_for_words(judged, cross_folder, bert_folder, tmp_path) -> None:
    import shutil

    from embedtune.models.cross.mix import write_mix

    mixed = tmp_path / "mixed"
    shutil.copytree(cross_folder, mixed)
    write_mix(mixed, 1e6, "encoder")
    rankings = {}
    for name in (cross_folder, mixed):
        result = embedtune.evaluate(
            "evaluation.rerank_depth=5",
            model=[str(bert_folder), "bm25"],
            data=[str(judged)],
            rerank=str(name),
            output=str(tmp_path / f"of-{name.name}"),
            store="none",
            device="cpu",
        )
        runs = [read_run(Path(row["run"])).values() for row in result.models]
        rankings[name] = [
            [sorted(found, key=lambda one: (found[one], one), reverse=True) for found in run] for run in runs
        ]
        (said,) = (one for one in result.described if one.startswith("reranked: the first 5 documents"))
        assert ("1e+06 x the encoder's cosine, a weight that was chosen beside encoder;" in said) == (name == mixed)
    plain, alone, words = rankings[cross_folder][0], rankings[cross_folder][2], rankings[cross_folder][3]
    assert alone != plain
    assert rankings[mixed] == [plain, rankings[cross_folder][1], plain, words]


def test_a_reranker_is_as_precise_as_was_asked(judged, cross_folder, bert_folder, tmp_path, monkeypatch) -> None:
    from embedtune.models.cross.cross_encoder import PairScorer

    asked: set[str] = set()
    scores = PairScorer.scores
    monkeypatch.setattr(PairScorer, "scores", lambda self, pairs: asked.add(self.products) or scores(self, pairs))
    for precision in ("fp32", "bf16"):
        asked.clear()
        embedtune.evaluate(
            "evaluation.rerank_depth=2",
            model=["bm25"],
            data=[str(judged)],
            rerank=str(cross_folder),
            output=str(tmp_path / precision),
            store="none",
            device="cpu",
            precision=precision,
        )
        assert asked == {precision}
