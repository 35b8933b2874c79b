"""Before against after: which queries the verdict rests on."""

import numpy as np
import pytest
import torch

from embedtune.data.rows import RetrievalSet
from embedtune.evaluation.tasks.retrieval import RetrievalScores
from embedtune.models.encode.encode import encode
from embedtune.models.encode.tokenizer import Tokenizer
from embedtune.workflows.shared.scoring import DEV_METRICS, METRICS, dev_scores, judge, score

IDS = tuple(f"q{i}" for i in range(60))


def scores(values: np.ndarray) -> RetrievalScores:
    return RetrievalScores(IDS, dict.fromkeys(METRICS, values))


def test_the_verdict_rests_on_unseen_queries_where_there_are_any() -> None:
    """All of the gain is on the first 30 queries; the verdict on the others must not have any of it."""
    before, after = np.full(60, 0.4), np.full(60, 0.4)
    after[:30] += 0.5
    judgment = judge(scores(before), scores(after), set(IDS[30:]), seed=0)
    assert (judgment.verdict.on, judgment.verdict.queries) == ("unseen", 30)
    assert judgment.verdict.difference == 0
    assert judgment.verdict.verdict == "no difference shown"
    fields = judgment.fields()
    assert fields["after"]["ndcg@10"] == pytest.approx(0.65)
    assert fields["after_unseen"] == dict.fromkeys(METRICS, pytest.approx(0.4))
    assert (fields["test_queries"], fields["unseen_queries"]) == (60, 30)


def test_without_unseen_queries_it_rests_on_all() -> None:
    judgment = judge(scores(np.full(60, 0.4)), scores(np.full(60, 0.9)), set(), seed=0)
    assert (judgment.verdict.on, judgment.verdict.verdict) == ("all", "better")
    fields = judgment.fields()
    assert (fields["before_unseen"], fields["after_unseen"], fields["unseen_queries"]) == (None, None, 0)


def test_the_first_metric_decides_alone_and_the_others_share_their_risk() -> None:
    """Reference: Holm's definition, the smallest p times their number, the next times one less, never falling."""
    rng = np.random.default_rng(1)
    before = {name: rng.uniform(0, 0.5, 60) for name in METRICS}
    after = {name: values + rng.normal(0.02 * place, 0.1, 60) for place, (name, values) in enumerate(before.items())}
    first, second = (RetrievalScores(IDS, values) for values in (before, after))
    rows = judge(first, second, set(), seed=0).fields()["metrics"]
    assert [row["metric"] for row in rows] == list(METRICS)
    assert rows[0]["p_holm"] == rows[0]["p_value"]
    raw = sorted(row["p_value"] for row in rows[1:])
    expected = np.maximum.accumulate([min(1.0, p * (3 - place)) for place, p in enumerate(raw)])
    assert sorted(row["p_holm"] for row in rows[1:]) == pytest.approx(expected.tolist())
    for row in rows:
        assert row["difference"] == pytest.approx(np.mean(after[row["metric"]] - before[row["metric"]]))


def test_queries_and_documents_are_encoded_under_their_own_prompts(bert_folder, texts) -> None:
    """Reference: the same vectors by hand; with the prompts exchanged the scores are others."""
    from embedtune.config.sections.encoder import EncoderSection
    from embedtune.models.files.load import load_encoder

    def load(query: str, document: str):
        prompts = {"query": query, "document": document}
        return load_encoder(EncoderSection(name=str(bert_folder), prompts=prompts), device="cpu")

    queries = {f"q{i}": text for i, text in enumerate(texts[::2])}
    corpus = {f"d{i}": text for i, text in enumerate(texts[1::2])}
    judged = RetrievalSet("test", queries, corpus, {f"q{i}": {f"d{i}": 1} for i in range(len(queries))})
    encoder = load("query query: ", "배송 ")
    found = score(encoder, judged, metrics=("mrr@10",)).per_query["mrr@10"]
    similarity = (
        encode(encoder, list(queries.values()), role="query")
        @ encode(encoder, list(corpus.values()), role="document").T
    )
    own = similarity.diagonal()[:, None]
    np.testing.assert_allclose(found, 1 / (1 + (similarity > own).sum(axis=1)))
    exchanged = score(load("배송 ", "query query: "), judged, metrics=("mrr@10",)).per_query["mrr@10"]
    assert not np.allclose(found, exchanged)


def test_dev_texts_are_tokenised_once_and_scored_as_the_encoder_is_now(starter, texts, monkeypatch) -> None:
    """Reference: a scoring that reads them anew, before and after the weights change."""
    queries = {f"q{i}": text for i, text in enumerate(texts[::2])}
    corpus = {f"d{i}": text for i, text in enumerate([*texts[1::2], texts[1]])}  # one document stands there twice
    dev = RetrievalSet("dev", queries, corpus, {f"q{i}": {f"d{i}": 1} for i in range(len(queries))})
    start = score(starter, dev, metrics=DEV_METRICS).means
    found, read, times = dev_scores(starter, dev), Tokenizer.tokenize, []
    monkeypatch.setattr(Tokenizer, "tokenize", lambda *given: times.append(1) or read(*given))
    assert found() == start and not times
    weight = starter.model[0].embedding.weight
    with torch.no_grad():
        weight.copy_(torch.randn(weight.shape, generator=torch.Generator().manual_seed(0)))
    assert found() != start and not times
    assert found() == score(starter, dev, metrics=DEV_METRICS).means and times
