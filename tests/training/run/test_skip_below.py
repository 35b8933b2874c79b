"""Whole runs that leave texts out of the backward pass."""

import json
from dataclasses import replace

import pytest
import torch

from embedtune.config.sections.encoder import EncoderSection
from embedtune.config.sections.objective import LossSection
from embedtune.config.sections.training import TrainingSection
from embedtune.errors import ConfigError
from embedtune.models.files.load import load_encoder
from embedtune.training.batch.row_texts import is_begun
from embedtune.training.run.trainer import fit, texts_of
from embedtune.training.step.objective import build_objective
from embedtune.workflows.shared.talk import Silence
from embedtune.workflows.train.preparing.begun_texts import begun_texts

SECTION = TrainingSection(epochs=2, batch_size=8, seed=1, micro_batch_tokens=60)


@pytest.fixture
def trained(bert_folder, run_of, tmp_path):
    """The weights after a run with these options, and its log."""

    def made(name, loss="infonce", **options):
        torch.manual_seed(0)
        encoder = load_encoder(EncoderSection(name=str(bert_folder)), device="cpu")
        plan = replace(run_of(SECTION.model_copy(update=options), lr=1e-3), folder=tmp_path / name)
        plan.folder.mkdir()
        objective = build_objective([LossSection(name=loss)])
        objective.prepare(encoder.dimensions)
        plan = replace(plan, objective=objective)
        frozen = plan.section.freeze_layers
        texts = begun_texts(texts_of(plan, encoder), encoder, frozen, "fp32", plan.folder, Silence())
        assert is_begun(texts) == bool(frozen)
        fitted = fit(encoder, replace(plan, texts=texts))
        lines = [json.loads(line) for line in plan.metrics.read_text(encoding="utf-8").splitlines()]
        weights = encoder.model.state_dict().items()
        # The gradient of these is 0 but for rounding, which AdamW scales up; the head of byol takes out any shift.
        still = ("key.bias", "layer.1.output.LayerNorm.bias") if loss == "byol" else ("key.bias",)
        return torch.cat([one.flatten() for name, one in weights if not name.endswith(still)]), lines, fitted

    return made


@pytest.mark.parametrize(("loss", "frozen"), [("infonce", 0), ("infonce", 1), ("byol", 0)])
def test_with_a_share_for_no_text_it_learns_what_it_learns_without(trained, loss, frozen):
    """Without dropout, which is drawn in another way; also where texts come with the output of their first layers, and
    where an averaged teacher encodes them too."""
    plain, lines, fitted = trained("plain", loss, dropout="off", freeze_layers=frozen)
    same, skipping, other = trained("same", loss, dropout="off", freeze_layers=frozen, skip_below=1e-9)
    torch.testing.assert_close(same, plain, atol=1e-4, rtol=0)
    assert "skipped.texts" not in lines[0] and fitted.flops_per_s is not None
    assert [line["skipped.tokens"] for line in skipping if "loss" in line] == [0.0] * 4 and other.flops_per_s is None


def test_what_was_left_out_is_logged_and_bounded_and_dropout_repeats(trained):
    weights, lines, _ = trained("first", skip_below=0.6)
    steps = [line for line in lines if "loss" in line]
    assert len(steps) == 4
    assert all(0 < line["skipped.gradient"] <= 0.6 and 0 < line["skipped.texts"] < 1 for line in steps)
    assert torch.equal(trained("second", skip_below=0.6)[0], weights)


def test_a_starter_is_refused_before_the_first_step(starter, run_of):
    with pytest.raises(ConfigError, match="computes next to nothing"):
        fit(starter, run_of(SECTION.model_copy(update={"skip_below": 0.1}), lr=1e-3))
