"""Refusals: what sparse gradients cannot go through is said before the first step."""

from dataclasses import replace

import pytest
import torch

from embedtune.config.sections.objective import LossSection
from embedtune.config.sections.training import TrainingSection
from embedtune.errors import ConfigError
from embedtune.models.files.vocabulary import token_vectors
from embedtune.training.run.trainer import fit
from embedtune.training.step.objective import build_objective

SECTION = TrainingSection(epochs=1, batch_size=4, embeddings="sparse")


@pytest.fixture
def plan(run_of):
    return run_of(SECTION, lr=1e-2)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"precision": "fp16"}, "fp16 scales gradients"),
        ({"device": "mps"}, "this run is on mps"),
        ({"objective": build_objective([LossSection(name="denoise", args={"tied": True})])}, "denoise with tied"),
    ],
)
def test_what_it_cannot_go_with_is_refused_before_the_first_step(starter, plan, change, match):
    before = token_vectors(starter).detach().clone()
    with pytest.raises(ConfigError, match=match) as caught:
        fit(starter, replace(plan, **change))
    assert caught.value.where == "training.embeddings" and torch.equal(token_vectors(starter), before)


def test_several_processes_are_refused(starter, plan, monkeypatch):
    monkeypatch.setattr("embedtune.training.run.needed.ranks", lambda: 2)
    with pytest.raises(ConfigError, match="with one process"):
        fit(starter, plan)
