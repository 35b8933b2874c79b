"""What losses ask of a run: companions by need, and heads that learn faster than a pretrained encoder."""

import numpy as np
import pytest
import torch

from embedtune.config.sections.objective import LossSection
from embedtune.config.sections.training import TrainingSection
from embedtune.training.batch.row_table import build_table
from embedtune.training.batch.row_texts import RowTexts
from embedtune.training.guide.vectors import GuideTable
from embedtune.training.run.fit import Fit
from embedtune.training.run.needed import companions_for, head_rates
from embedtune.training.run.trainer import fit
from embedtune.training.step.objective import build_objective


@pytest.fixture
def plan(pairs, tmp_path):
    def make(*losses, **changes):
        objective = build_objective([LossSection(name=name) for name in losses])
        objective.prepare(32)
        table = build_table(pairs, np.stack([pairs.anchor_ids, pairs.positive_ids], axis=1))
        section = TrainingSection(epochs=1, batch_size=8, head_lr=changes.pop("head_lr", None))
        return Fit(
            rows=pairs, table=table, objective=objective, section=section, folder=tmp_path, **{"lr": 2e-5, **changes}
        )

    return make


@pytest.mark.parametrize(
    ("losses", "changes", "names"),
    [
        (["infonce"], {}, ["CollapseWatch"]),
        (["infonce"], {"trial": True}, []),
        (["moco"], {"queue": 4}, ["CollapseWatch", "AveragedTeacher", "Queue"]),
        (["byol", "dino", "infonce"], {"trial": True}, ["AveragedTeacher"]),
        (["deepcluster"], {}, ["CollapseWatch", "Clusters"]),
        (["denoise", "infonce"], {}, ["CollapseWatch", "Originals"]),
    ],
)
def test_companions_are_those_that_the_losses_need(plan, bert, losses, changes, names):
    assert [type(one).__name__ for one in companions_for(plan(*losses, **changes), bert)] == names


def test_a_reference_comes_with_its_vectors(plan, bert, pairs):
    run = plan("infonce", reference=GuideTable(RowTexts(pairs, 0), frozen=True))
    assert "Reference" in [type(one).__name__ for one in companions_for(run, bert)]


@pytest.mark.parametrize(
    ("losses", "changes", "rates"),
    [
        (["infonce", "barlow"], {}, []),
        (["byol"], {}, [1e-3]),
        (["byol"], {"lr": 0.02}, [0.02]),
        (["swav"], {"head_lr": 1e-5}, [1e-5]),
        (["denoise"], {}, [1e-3]),
    ],
)
def test_heads_learn_at_least_at_a_thousandth(plan, losses, changes, rates):
    assert list(head_rates(plan(*losses, **changes)).values()) == rates


def test_the_optimizer_takes_the_two_rates(plan, bert):
    run = plan("byol", lr=1e-9)
    heads = {name: value.clone() for name, value in run.objective.state_dict().items() if ".heads." in name}
    before = {name: value.clone() for name, value in bert.model.state_dict().items()}
    fit(bert, run)
    for name, value in bert.model.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=1e-7)
    after = run.objective.state_dict()
    assert all((after[name] - value).abs().max() > 1e-4 for name, value in heads.items() if "weights" in name)
