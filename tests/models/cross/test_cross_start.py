"""A cross-encoder that is about to learn: the encoder's transformer, a head of the seed, and what is saved."""

import numpy as np
import pytest
import torch

from embedtune.errors import ModelError
from embedtune.models.cross.cross_start import cross_start, load_trained, save_cross_encoder

PAIRS = [("How do I reset my password?", "Open the settings."), ("환불", "배송지를 바꿀 수 있나요?")]


def test_it_has_the_transformer_of_the_encoder_and_a_head_of_the_seed(bert) -> None:
    one, same, other = (cross_start(bert, seed=seed) for seed in (1, 1, 2))
    weights = bert.model.transformers_model.state_dict()
    own = one.model.transformers_model.base_model.state_dict()
    layers = [name for name in weights if name.startswith("encoder.")]
    assert layers
    assert all(torch.equal(weights[name], own[name]) for name in layers)
    np.testing.assert_array_equal(one.scores(PAIRS), same.scores(PAIRS))
    assert not np.allclose(one.scores(PAIRS), other.scores(PAIRS), atol=1e-7)


def test_the_draw_leaves_that_of_others_alone(bert) -> None:
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    cross_start(bert, seed=1)
    assert torch.equal(torch.rand(2), expected)


def test_what_is_saved_gives_the_same_scores_in_plain_sentence_transformers(bert, tmp_path) -> None:
    from sentence_transformers import CrossEncoder

    scorer = cross_start(bert, seed=1, max_length=16)
    save_cross_encoder(scorer, tmp_path / "model")
    peer = CrossEncoder(str(tmp_path / "model"), device="cpu", local_files_only=True)
    long = [("password " * 40, "settings " * 40)]
    np.testing.assert_allclose(peer.predict(PAIRS + long), scorer.scores(PAIRS + long), atol=1e-6)
    np.testing.assert_allclose(load_trained(tmp_path / "model", "cpu").scores(long), scorer.scores(long), atol=1e-6)
    assert peer.max_seq_length == 16
    assert (tmp_path / "model" / "modules.json").is_file()
    card = tmp_path / "model" / "README.md"
    assert "CrossEncoder" in card.read_text(encoding="utf-8")
    (weights,) = (tmp_path / "model").rglob("*.safetensors")
    assert weights.stat().st_mode == card.stat().st_mode  # another account may use the model


def test_a_static_encoder_cannot_read_two_texts_together(starter) -> None:
    with pytest.raises(ModelError, match="is a static encoder"):
        cross_start(starter, seed=0)
