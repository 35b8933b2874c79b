"""Which guide a run gets, and what is said of its worth."""

import re
from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from embedtune.config.sections.encoder import EncoderSection
from embedtune.data.prepare import prepare
from embedtune.data.rows import Rows
from embedtune.errors import Interrupted
from embedtune.models.encode import compute
from embedtune.models.encode import store as storing
from embedtune.models.encode.encode import encode
from embedtune.models.encode.store import VectorStore
from embedtune.models.encode.tokenizer import TokenizedTexts, Tokenizer
from embedtune.models.files.load import load_encoder
from embedtune.training.batch.curriculum import Curriculum
from embedtune.training.batch.row_table import build_table
from embedtune.training.guide.self_guide import SelfGuide
from embedtune.training.run.fit import Fit
from embedtune.training.run.trainer import texts_of
from embedtune.training.step.objective import build_objective
from embedtune.workflows.train.guide.guiding import choose_guide


@pytest.fixture
def guided(recipe, bert, listener, tmp_path, products):
    """Chooses the guide of a recipe on the 48 pairs; returns it with the data."""

    def choose(*overrides: str, dev: bool = True, chosen=None, store=None, **options):
        config = recipe("guide.warmup_share=0.1", "guide.refresh=every_epoch", *overrides, **options)
        data = prepare(config.data, 0)
        plan = Fit(
            rows=data.train,
            table=build_table(data.train, data.known_positives),
            objective=build_objective([config.loss[0].model_copy(update={"args": {}})]),
            section=config.training,
            folder=tmp_path / "run",
            lr=0.01,
        )
        judged = data.dev if dev else None
        return choose_guide(config, plan, judged, bert, talk=listener, store=store, chosen=chosen), data

    return choose


@pytest.mark.parametrize("options", [{"guide": "none"}, {"loss": ["infonce"]}])
def test_no_guide(guided, options) -> None:
    guiding, _ = guided(**options)
    assert (guiding.name, guiding.table, guiding.facts()) == ("none", None, None)


# Of a component of a vector of length 1: bf16 keeps eight bits of what it multiplies.
ROUNDING = {"bf16": 2**-8, "fp32": 1e-5}


def test_a_frozen_guide_has_its_own_prompts_and_is_audited_on_dev(
    guided, pairs, bert_folder, listener, products
) -> None:
    # Its tokenizer knows no digits: texts that differ in their number alone would tie, and rounding decide.
    text = pairs.read_text(encoding="utf-8")
    pairs.write_text(re.sub(r"\d+", lambda number: "abcdef"[int(number[0]) // 8], text), encoding="utf-8")
    guiding, data = guided(
        "guide.prompts.query=환불 환불: ", "guide.prompts.document=배송: ", guide=str(bert_folder), margin="0.1"
    )
    prompts = {"query": "환불 환불: ", "document": "배송: "}
    guide = load_encoder(EncoderSection(name=str(bert_folder), prompts=prompts), device="cpu")
    batch = guiding.table.batch(torch.arange(3), torch.device("cpu"))
    for vectors, texts, role in (
        (batch.anchors, data.train.anchors, "query"),
        (batch.positives, data.train.positives, "document"),
    ):
        np.testing.assert_allclose(vectors, encode(guide, texts[:3], role=role), atol=ROUNDING[products])
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
    said = guiding.facts()
    assert said.proposal.sentence == guiding.proposal.sentence
    assert [one.margin for one in said.margins] == [0.0, 0.05, 0.1, 0.15, 0.2, 0.3]


def test_where_dev_chose_nothing_else_is_proposed(guided, bert_folder, listener) -> None:
    guiding, _ = guided(guide=str(bert_folder), margin="2", chosen={"margin": 2, "reason": "dev said so"})
    assert guiding.proposal is None and guiding.facts().proposal is None
    assert not any("proposal" in sentence for sentence in listener.warned)


def test_a_self_guide_is_filled_while_training(guided) -> None:
    guiding, _ = guided(margin="0.1")
    (callback,) = guiding.callbacks
    assert isinstance(callback, SelfGuide)
    assert guiding.audits == []
    assert guiding.facts().note == "not audited: there were no held-out pairs"


@pytest.mark.parametrize("schedule", ["fixed", "random"])
def test_a_self_guide_takes_the_texts_that_the_run_has_read(recipe, bert, listener, tmp_path, monkeypatch, schedule):
    """Reference, to the bit: the texts tokenised at each snapshot, as they are where views change them."""
    anchors, positives = [f"환불 {n % 5}" for n in range(8)], [f"answer {n}" for n in range(8)]
    rows = Rows(anchors=anchors, positives=positives, negatives=[[f"wrong {n}", positives[n - 1]] for n in range(8)])
    own = np.stack([rows.anchor_ids, rows.positive_ids], axis=1)
    config = recipe("guide.warmup_share=0.1", "guide.refresh=every_epoch", margin="0.1")
    plan = Fit(
        rows=rows,
        table=build_table(rows, own, curriculum=Curriculum(rows, 1, schedule=schedule, epochs=2)),
        objective=build_objective([config.loss[0].model_copy(update={"args": {}})]),
        section=config.training,
        folder=tmp_path / "run",
        lr=0.01,
    )

    def snapshot(run: Fit) -> dict[str, torch.Tensor]:
        guiding = choose_guide(config, run, None, bert, talk=listener, store=None)
        (callback,) = guiding.callbacks
        callback.on_step_begin(None, SimpleNamespace(global_step=next(filter(callback.due, range(run.steps)))), None)
        return guiding.table.state()

    expected, known = snapshot(plan), replace(plan, texts=texts_of(plan, bert))
    monkeypatch.setattr(Tokenizer, "tokenize", lambda *_: pytest.fail("the texts were tokenised again"))
    found = snapshot(known)
    assert all(torch.equal(found[name], expected[name]) for name in ("guide.queries", "guide.documents"))


def test_without_dev_a_guide_is_not_audited_and_that_is_said(guided, bert_folder) -> None:
    guiding, _ = guided(guide=str(bert_folder), margin="0.1", dev=False)
    assert guiding.facts().note == "not audited: there were no held-out pairs"
    assert guiding.facts().positive_first_share is None


@pytest.fixture
def encoded(monkeypatch) -> list[str]:
    """Every text that goes through a model, in order."""
    texts: list[str] = []
    read: dict[int, tuple[TokenizedTexts, Sequence[str]]] = {}
    reading, vectors = Tokenizer.tokenize, compute.batch_vectors

    def remembered(self, some, role):
        readings = reading(self, some, role)
        read[id(readings)] = readings, some
        return readings

    def counted(encoder, readings, places):
        found = vectors(encoder, readings, places)
        texts.extend(read[id(readings)][1][place] for place in places)
        return found

    monkeypatch.setattr(Tokenizer, "tokenize", remembered)
    monkeypatch.setattr(compute, "batch_vectors", counted)
    return texts


def test_a_guide_encodes_each_text_once_for_all_runs(guided, bert_folder, encoded, tmp_path) -> None:
    _, data = guided(guide=str(bert_folder), margin="0.1", store=VectorStore(tmp_path / "store"))
    wanted = {*data.train.anchors, *data.train.positives, *data.dev.queries.values()}
    assert wanted <= set(encoded) and len(encoded) == len(set(encoded))
    encoded.clear()
    guided(guide=str(bert_folder), margin="0.2", store=VectorStore(tmp_path / "store"))
    assert encoded == []


@pytest.mark.parametrize("changed", ["weights", "prompt", "max_length", "text"])
def test_what_changes_a_vector_has_it_computed_again(
    guided, bert_folder, bert, pairs, encoded, tmp_path, changed
) -> None:
    options = {"guide": str(bert_folder), "margin": "0.1", "store": VectorStore(tmp_path / "store"), "dev": False}
    overrides = ()
    _, data = guided(**options)
    again = {*data.train.anchors, *data.train.positives}
    encoded.clear()
    if changed == "weights":
        with torch.no_grad():
            next(bert.model.parameters())[10, 0] += 1e-3
        bert.model.save(str(tmp_path / "changed"), create_model_card=False)
        options["guide"] = str(tmp_path / "changed")
    elif changed == "prompt":
        overrides = ("guide.prompts.query=질문: ",)
        again = set(data.train.anchors)
    elif changed == "max_length":
        overrides = ("guide.max_length=16",)
    else:
        one = data.train.positives[0]
        pairs.write_text(pairs.read_text(encoding="utf-8").replace(one, one + "!"), encoding="utf-8")
        again = {one + "!"}
    guided(*overrides, **options)
    assert set(encoded) == again and len(encoded) == len(again)


@pytest.mark.parametrize("how", ["interrupted", "killed"])
def test_a_guide_cut_off_half_way_goes_on_from_there(guided, bert_folder, encoded, tmp_path, monkeypatch, how) -> None:
    vectors = compute.batch_vectors
    monkeypatch.setattr(compute, "suited_batch_tokens", lambda encoder: 100)  # several batches

    def broken(encoder, readings, places):
        if len(encoded) >= 20:
            raise KeyboardInterrupt
        return vectors(encoder, readings, places)

    options = {"guide": str(bert_folder), "margin": "0.1", "store": VectorStore(tmp_path / "store"), "dev": False}
    with monkeypatch.context() as patch:
        patch.setattr(compute, "batch_vectors", broken)
        if how == "killed":  # nobody closes the store, and what was due to be written has been
            patch.setattr(storing, "WRITTEN_EVERY_S", 0)
            patch.setattr(storing.Shelf, "close", lambda self: None)
        with pytest.raises(Interrupted):
            guided(**options)
    done = list(encoded)
    encoded.clear()
    _, data = guided(**options)
    wanted = {*data.train.anchors, *data.train.positives}
    assert len(done) >= 20
    assert sorted([*done, *encoded]) == sorted(wanted)
