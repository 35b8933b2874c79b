"""Which guide a run gets, and what is said of its worth."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from embedtune.config.schema import ModelSection
from embedtune.data.prepare import prepare
from embedtune.models.encode import encode
from embedtune.models.load import load_encoder
from embedtune.training.objective import build_objective
from embedtune.training.self_guide import SelfGuide
from embedtune.training.table import build_table
from embedtune.training.trainer import Fit
from embedtune.workflows.guiding import choose_guide


@pytest.fixture
def guided(recipe, bert, listener, tmp_path):
    """Chooses the guide of a recipe on the 48 pairs; returns it with the data."""

    def choose(*overrides: str, dev: bool = True, chosen=None, **options):
        config = recipe(*overrides, **options)
        data = prepare(config.data, 0)
        plan = Fit(
            rows=data.train,
            table=build_table(data.train, data.known_positives, None),
            objective=build_objective([config.loss[0].model_copy(update={"args": {}})]),
            section=config.training,
            folder=tmp_path / "run",
            lr=0.01,
        )
        judged = data.dev if dev else None
        return choose_guide(config, plan, judged, bert, talk=listener, store=None, chosen=chosen), data

    return choose


@pytest.mark.parametrize("options", [{"guide": "none"}, {"loss": ["infonce"]}])
def test_no_guide(guided, options) -> None:
    guiding, _ = guided(**options)
    assert (guiding.name, guiding.table, guiding.as_json()) == ("none", None, None)


def test_a_frozen_guide_has_its_own_prompts_and_is_audited_on_dev(guided, bert_folder, listener) -> None:
    guiding, data = guided(
        "guide.prompts.query=환불 환불: ", "guide.prompts.document=배송: ", guide=str(bert_folder), margin="0.1"
    )
    prompts = {"query": "환불 환불: ", "document": "배송: "}
    guide = load_encoder(ModelSection(name=str(bert_folder), prompts=prompts), device="cpu")
    batch = guiding.table.batch(torch.arange(3), torch.device("cpu"))
    np.testing.assert_allclose(batch.anchors, encode(guide, data.train.anchors[:3], role="query"), atol=1e-5)
    np.testing.assert_allclose(batch.positives, encode(guide, data.train.positives[:3], role="document"), atol=1e-5)
    assert guiding.callbacks == ()
    (audit,) = guiding.audits
    assert (audit.pairs, audit.margin, audit.step) == (len(data.dev), 0.1, 0)
    # By hand: in how many held-out pairs the positive comes first.
    anchors = encode(guide, [data.dev.queries[q] for q in data.dev.qrels], role="query")
    documents = encode(guide, [data.dev.corpus[next(iter(g))] for g in data.dev.qrels.values()], role="document")
    similarity = anchors @ documents.T
    first = (similarity >= similarity.diagonal()[:, None]).sum(axis=1) == 1
    assert audit.positive_first_share == pytest.approx(first.mean())
    assert any(audit.sentence in sentence for sentence in listener.said)


def test_a_weak_guide_is_a_warning_with_advice(guided, bert_folder, listener) -> None:
    """Random weights cannot rank; with a margin of 2 everything is dropped."""
    guiding, _ = guided(guide=str(bert_folder), margin="2")
    assert guiding.audits[0].masked_share == 1.0
    assert any("proposal:" in sentence and guiding.proposal.option in sentence for sentence in listener.warned)
    said = guiding.as_json()
    assert said["proposal"]["sentence"] == guiding.proposal.sentence
    assert [one["margin"] for one in said["margins"]] == [0.0, 0.05, 0.1, 0.15, 0.2, 0.3]


def test_where_dev_chose_nothing_else_is_proposed(guided, bert_folder, listener) -> None:
    guiding, _ = guided(guide=str(bert_folder), margin="2", chosen={"margin": 2, "reason": "dev said so"})
    assert guiding.proposal is None and guiding.as_json()["proposal"] is None
    assert not any("proposal" in sentence for sentence in listener.warned)


def test_a_loss_that_weighs_already_is_not_told_to(guided, bert_folder) -> None:
    guiding, _ = guided(guide=str(bert_folder), margin="0.1")
    audit = guiding.audits[0]
    heavy = replace(audit.effects[0], masked_share=0.06)
    guiding.audits = [replace(audit, separation=0.9, effects=(heavy, *audit.effects[1:]))]
    assert guiding.proposal.kind == "weight"
    guiding.weighs = True
    assert guiding.proposal is None


def test_a_self_guide_is_filled_while_training(guided) -> None:
    guiding, _ = guided(margin="0.1")
    (callback,) = guiding.callbacks
    assert isinstance(callback, SelfGuide)
    assert guiding.audits == []
    assert guiding.as_json()["note"] == "not audited: there were no held-out pairs"


def test_without_dev_a_guide_is_not_audited_and_that_is_said(guided, bert_folder) -> None:
    guiding, _ = guided(guide=str(bert_folder), margin="0.1", dev=False)
    assert guiding.as_json()["note"] == "not audited: there were no held-out pairs"
    assert guiding.as_json()["positive_first_share"] is None
