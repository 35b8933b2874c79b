from dataclasses import replace

import pytest
import torch

from embedtune.config.sections.objective import LossSection
from embedtune.errors import ConfigError
from embedtune.losses import EmbeddingBatch, build_loss
from embedtune.training.step.objective import build_objective, suited_lr


@pytest.fixture
def batch() -> EmbeddingBatch:
    generator = torch.Generator().manual_seed(0)
    return EmbeddingBatch(
        anchors=torch.randn(6, 8, generator=generator), positives=torch.randn(6, 8, generator=generator), step=3
    )


def test_terms_are_the_losses_times_their_weights(batch):
    objective = build_objective([LossSection(name="infonce"), LossSection(name="sigreg", weight=0.05)])
    terms = objective(batch)
    assert list(terms) == ["infonce", "sigreg"]
    assert terms["infonce"].item() == pytest.approx(build_loss("infonce")(batch).item())
    assert terms["sigreg"].item() == pytest.approx(0.05 * build_loss("sigreg")(batch).item())


def test_a_static_encoder_learns_slowly_from_losses_that_would_spoil_it_unless_another_holds_it():
    alone, with_another = ([build_loss(name) for name in names] for names in (["lejepa"], ["lejepa", "infonce"]))
    assert suited_lr(alone, 0.02, static=True) == pytest.approx(0.005)
    assert suited_lr(alone, 2e-5, static=False) == 2e-5
    assert suited_lr(with_another, 0.02, static=True) == 0.02


def test_a_loss_that_imitates_alone_learns_faster_in_a_transformer():
    alone, with_another = [build_loss("align")], [build_loss("align"), build_loss("infonce")]
    assert suited_lr(alone, 1e-4, static=False) == pytest.approx(1e-3)
    assert suited_lr(alone, 0.02, static=True) == 0.02
    assert suited_lr(with_another, 1e-4, static=False) == 1e-4


def test_gauges_carry_the_name_of_their_loss(batch):
    objective = build_objective([LossSection(name="infonce")])
    objective(batch)
    gauges = objective.gauges()
    assert gauges and all(name.startswith("infonce.") for name in gauges)


def test_a_learnable_temperature_is_a_parameter_of_the_objective():
    objective = build_objective([LossSection(name="infonce", args={"learnable_temperature": True})])
    assert len(list(objective.parameters())) == 1


def test_the_same_loss_twice_is_refused():
    with pytest.raises(ConfigError, match="more than once"):
        build_objective([LossSection(name="infonce"), LossSection(name="infonce", weight=0.5)])


def test_gauges_are_read_once_a_step(batch, monkeypatch):
    """On a GPU each reading waits for the device; the log and the guard against masking both ask."""
    objective = build_objective([LossSection(name="infonce"), LossSection(name="triplet", weight=0.5)])
    objective(batch)
    gauges = [(f"{term.name}.{name}", one) for term in objective.terms for name, one in term.loss.gauges.items()]
    plain = {name: float(one) for name, one in gauges}
    assert objective.gauges() == pytest.approx(plain)
    with monkeypatch.context() as patch:
        patch.setattr("embedtune.training.step.objective.numbers", pytest.fail)
        assert objective.gauges() == pytest.approx(plain)
    objective(replace(batch, positives=-batch.positives))
    assert objective.gauges() != pytest.approx(plain)
