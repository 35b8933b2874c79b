"""Only the query side learns: the document side keeps its weights, and plain sentence-transformers finds both."""

from itertools import count

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer

from embedtune.config.sections.encoder import EncoderSection
from embedtune.data.rows import RetrievalSet
from embedtune.errors import ConfigError
from embedtune.models.encode.encode import encode
from embedtune.models.files.load import load_encoder
from embedtune.workflows.shared.scoring import DEV_METRICS, SELECTION, score
from embedtune.workflows.train.kept.query_side import query_side_scores
from embedtune.workflows.train.run import train


@pytest.mark.parametrize("name", ["starter", "bert"])
def test_documents_stay_and_queries_learn(recipe, texts, bert_folder, name, monkeypatch) -> None:
    rising = count(1)
    scores = "embedtune.workflows.train.fitting.query_side_scores"
    monkeypatch.setattr(scores, lambda *_: lambda: {SELECTION: next(rising) / 1000})
    options = {} if name == "starter" else {"model": str(bert_folder)}
    # At a starter's own temperature, so few texts are told apart without a step.
    result = train(recipe("loss.0.args.temperature=0.05", **options, lr=0.01, side="query", guard=["none"]))
    start = f"{result.run}/start" if name == "starter" else str(bert_folder)
    before, after = (load_encoder(EncoderSection(name=one), device="cpu") for one in (start, result.model))
    kept = after.model[0].sub_modules["document"].state_dict()
    for key, value in before.model.state_dict().items():
        np.testing.assert_array_equal(kept[key].numpy(), value.numpy())
    # The route has another way to batch texts, which shows in the last bit.
    np.testing.assert_allclose(encode(before, texts, role="document"), encode(after, texts, role="document"), atol=1e-6)
    assert np.abs(encode(before, texts, role="query") - encode(after, texts, role="query")).max() > 1e-4
    plain = SentenceTransformer(result.model, device="cpu", local_files_only=True)
    for role, theirs in (("query", plain.encode_query), ("document", plain.encode_document)):
        own = encode(after, texts, role=role)
        np.testing.assert_allclose(theirs(list(texts), normalize_embeddings=True), own, atol=1e-5)
    assert "encode_query" in "\n".join(result.how_to_use)


def test_what_does_not_go_together_is_refused(recipe, bert_folder) -> None:
    with pytest.raises(ConfigError, match="only the query side learns"):
        train(recipe(model=str(bert_folder), side="query", merge="auto", guard=["none"]))


def test_dev_queries_are_scored_against_the_old_documents(bert_folder, texts) -> None:
    encoder = load_encoder(EncoderSection(name=str(bert_folder)), device="cpu")
    answers = [*texts[1::2], *(f"{one} {other}" for one, other in zip(texts[1::2], texts[3::2], strict=False))]
    corpus = {f"d{i}": text for i, text in enumerate(answers)}
    queries = {f"q{i}": text for i, text in enumerate(texts[::2])}
    dev = RetrievalSet("dev", queries, corpus, {f"q{i}": {f"d{i}": 1} for i in range(len(queries))})
    old = encode(encoder, list(corpus.values()), role="document")
    scores = query_side_scores(encoder, dev, None)
    assert scores() == pytest.approx(score(encoder, dev, metrics=DEV_METRICS).means)
    with torch.no_grad():
        for parameter in encoder.model.parameters():
            parameter += 0.2 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1))
    similarity = encode(encoder, list(queries.values()), role="query") @ old.T
    ranks = [int((row > row[place]).sum()) + 1 for place, row in enumerate(similarity)]
    expected = np.mean([1 / rank if rank <= 10 else 0.0 for rank in ranks])
    assert scores()["mrr@10"] == pytest.approx(expected)
