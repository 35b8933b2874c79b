"""Cross-encoders: the scores that sentence-transformers gives, in the order asked, whatever the batches."""

from pathlib import Path

import numpy as np
import pytest

from embedtune.config.sections.encoder import ModelSection
from embedtune.errors import ModelError
from embedtune.models.cross import cross_encoder
from embedtune.models.cross.cross_encoder import fingerprint, load_cross_encoder


def pairs(texts: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(texts[i % 12], texts[(5 * i + 1) % 12] * (1 + i % 4)) for i in range(30)]


def test_scores_are_those_of_sentence_transformers(
    cross_folder: Path, texts: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    from sentence_transformers import CrossEncoder

    peer = CrossEncoder(str(cross_folder), device="cpu", local_files_only=True)
    expected = [float(peer.predict([pair])[0]) for pair in pairs(texts)]
    scorer = load_cross_encoder(ModelSection(name=str(cross_folder)), device="cpu")
    np.testing.assert_allclose(scorer.scores(pairs(texts)), expected, atol=1e-5)
    monkeypatch.setattr(cross_encoder, "BATCH_CHARACTERS", 300)
    np.testing.assert_allclose(scorer.scores(pairs(texts)), expected, atol=1e-5)
    assert np.ptp(expected) > 0.01


def test_half_a_character_and_nothing_at_all(cross_folder: Path) -> None:
    scorer = load_cross_encoder(ModelSection(name=str(cross_folder)), device="cpu")
    assert np.isfinite(scorer.scores([("a\ud83d", "\udc00b")])).all()
    assert scorer.scores([]).shape == (0,)


def test_a_fingerprint_follows_the_weights(cross_folder: Path) -> None:
    import torch

    scorer = load_cross_encoder(ModelSection(name=str(cross_folder)), device="cpu")
    before = fingerprint(scorer)
    assert fingerprint(load_cross_encoder(ModelSection(name=str(cross_folder)), device="cpu")) == before
    with torch.no_grad():
        next(scorer.model.parameters()).add_(1e-3)
    assert fingerprint(scorer) != before


def test_an_encoder_that_never_learned_to_score_pairs_is_refused(bare_folder: Path) -> None:
    with pytest.raises(ModelError, match="not trained to score pairs"):
        load_cross_encoder(ModelSection(name=str(bare_folder)), device="cpu")


def test_a_starter_and_a_classifier_of_many_labels_are_refused(bare_folder: Path, tmp_path: Path) -> None:
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    with pytest.raises(ModelError, match="not a cross-encoder"):
        load_cross_encoder(ModelSection(name="starter"))
    BertForSequenceClassification(BertConfig.from_pretrained(bare_folder, num_labels=3)).save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(bare_folder).save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="3 numbers per pair"):
        load_cross_encoder(ModelSection(name=str(tmp_path)), device="cpu").scores([("a", "b"), ("c", "d")])


def test_damaged_weights_are_said(cross_folder: Path, tmp_path: Path) -> None:
    for file in cross_folder.iterdir():
        (tmp_path / file.name).write_bytes(
            file.read_bytes()[:200] if file.suffix == ".safetensors" else file.read_bytes()
        )
    with pytest.raises(ModelError, match=r"model.safetensors is cut off"):
        load_cross_encoder(ModelSection(name=str(tmp_path)), device="cpu")
