"""Runs on labelled texts report the clusters of their test texts, before and after training."""

import json

import numpy as np
import pytest
from sklearn.metrics import adjusted_mutual_info_score

from embedtune.config.sections.encoder import EncoderSection
from embedtune.data.rows import RetrievalSet
from embedtune.models.encode.encode import encode
from embedtune.models.files.load import load_encoder
from embedtune.reports.document.markdown import markdown
from embedtune.reports.results.train import TrainResult
from embedtune.reports.train import further_sentences, training
from embedtune.search.kmeans import best_kmeans
from embedtune.workflows.shared.talk import Silence
from embedtune.workflows.train.plan import plan_config
from embedtune.workflows.train.run import run_plan
from embedtune.workflows.train.sets.labelled import MOST, LabelledTest


@pytest.fixture(scope="module")
def intents(tmp_path_factory):
    """Labelled texts in two splits: two words of a class's twenty, and five others."""
    folder, draw = tmp_path_factory.mktemp("intents"), np.random.default_rng(0)
    for split, each in (("train", 40), ("test", 12)):
        rows = []
        for label in range(6):
            own = [f"word{label}x{number}" for number in range(20)]
            for _ in range(each):
                words = [*draw.permutation(own)[:2], *(f"other{number}" for number in draw.integers(0, 30, 5))]
                rows.append({"text": " ".join(words), "label": f"intent {label}"})
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{split}.jsonl").write_text(text, encoding="utf-8")
    return folder


def test_clusters_are_reported_beside_retrieval(recipe, intents, listener):
    config = recipe(data=str(intents), max_steps=4, batch_size=16)
    result = run_plan(plan_config(config, talk=listener), talk=listener)
    found = result.clusters
    assert (found.texts, found.labels) == (72, 6)
    rows = [json.loads(line) for line in (intents / "test.jsonl").read_text(encoding="utf-8").splitlines()]
    encoder = load_encoder(EncoderSection(name=result.model), device="cpu")
    vectors = encode(encoder, [row["text"] for row in rows], role="document", normalise=True)
    own = [
        adjusted_mutual_info_score(
            [row["label"] for row in rows], best_kmeans(vectors, 6, seed=seed, starts=10).clusters
        )
        for seed in range(10)
    ]
    assert 0.02 < found.after["ami"] < 0.98
    assert found.after["ami"] == pytest.approx(np.mean(own), abs=0.05)  # k-means starts from rows in another order
    for means, intervals in ((found.before, found.intervals_before), (found.after, found.intervals_after)):
        assert all(low <= means[name] <= high for name, (low, high) in intervals.items())
    assert found.verdict.difference == pytest.approx(found.after["ami"] - found.before["ami"])
    said = markdown(training(result))
    assert "## Clusters of the test texts" in said and f"{found.after['ami']:.3f}" in said
    assert any(one.startswith("Clusters of the test texts: ") for one in further_sentences(result))
    again = TrainResult.from_json(json.loads(json.dumps(result.as_json())))
    assert again.as_json()["clusters"] == json.loads(json.dumps(result.as_json()["clusters"]))
    assert again.clusters.verdict == found.verdict


def labelled(texts, labels):
    """Judged texts of which every third asks."""
    names = {f"t{place}": text for place, text in enumerate(texts)}
    queries = dict(list(names.items())[::3])
    corpus = {name: text for name, text in names.items() if name not in queries}
    return RetrievalSet("test", queries, corpus, {}, labels=dict(zip(names, labels, strict=True)))


@pytest.mark.parametrize(
    ("test", "why"),
    [
        (None, "there is no test split"),
        (RetrievalSet("test", {"q": "a"}, {"d": "b"}, {"q": {"d": 1}}), "no text has a label"),
        (labelled([f"text {n}" for n in range(60)], ["one"] * 60), "there is one label"),
        (labelled([f"text {n}" for n in range(40)], [n % 2 for n in range(40)]), "there are few texts"),
        (labelled([f"text {n}" for n in range(90)], [n % 30 for n in range(90)]), "there are few texts per label"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_nothing_is_clustered_where(test, why):
    own = LabelledTest(test, 0, Silence())
    own.begin(None, None)
    assert own.end(None) is None


def test_of_many_texts_some_are_drawn():
    texts = [f"text {number}" for number in range(MOST + 500)]
    own = LabelledTest(labelled(texts, [number % 9 for number in range(len(texts))]), 0, Silence())
    assert len(own._texts) == len(set(own._texts)) == MOST and len(own._truth) == MOST
