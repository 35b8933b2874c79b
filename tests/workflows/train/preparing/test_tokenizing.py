"""How a run tokenizes its texts, what it holds of a batch, and that a resumed one holds the same."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from embedtune.config.sections.training import TrainingSection
from embedtune.data.rows import Rows
from embedtune.training.batch.row_table import build_table
from embedtune.training.run.fit import TrainingTask
from embedtune.training.step.held import Held
from embedtune.workflows.shared.run_folder import RunFolder
from embedtune.workflows.shared.talk import Silence
from embedtune.workflows.train.preparing.tokenizing import held_sentence, tokenized, tokenized_sentence


def tokenize(plan, encoder, folder, talk):
    return tokenized(plan, encoder, folder, talk, precision="fp32", device="cpu")


class Listener(Silence):
    def __init__(self):
        self.said = []

    def say(self, text):
        self.said.append(text)


@pytest.fixture
def plan(tmp_path):
    rows = Rows(
        anchors=[f"how about {number}" for number in range(12)],
        positives=[f"비밀번호 재설정 방법은 {number}번 문서에 있습니다" * (1 + number % 3) for number in range(12)],
    )
    return TrainingTask(
        rows=rows,
        table=build_table(rows, np.stack([rows.anchor_ids, rows.positive_ids], axis=1)),
        section=TrainingSection(epochs=1, batch_size=4),
        folder=tmp_path,
    )


@pytest.fixture
def folder(tmp_path):
    return RunFolder(tmp_path)


@pytest.mark.parametrize("kind", ["bert", "starter"])
def test_auto_is_measured_once_and_kept_for_a_resumed_run(kind, plan, folder, request, monkeypatch):
    encoder = request.getfixturevalue(kind)
    _, first, _ = tokenize(plan, encoder, folder, Silence())
    # Every batch fits, so the run does not depend on how much more would.
    assert first == Held()
    # With other memory, the same run still holds what it held.
    monkeypatch.setattr("embedtune.training.step.held.allowed_bytes", lambda device: 5)
    assert tokenize(plan, encoder, folder, Silence())[1] == first
    other = RunFolder(folder.path / "other")
    other.path.mkdir()
    assert tokenize(plan, encoder, other, Silence())[1] == Held(1, 1)


@pytest.mark.parametrize(("asked", "held"), [(None, Held()), (30, Held(30, 30))])
def test_what_is_asked_for_is_not_measured(starter, plan, folder, asked, held):
    section = plan.section.model_copy(update={"micro_batch_tokens": asked})
    assert tokenize(replace(plan, section=section), starter, folder, Silence())[1] == held
    assert "held" not in folder.facts()


def test_it_is_said_how_texts_are_read_and_what_is_not_held(starter, plan, folder):
    talk = Listener()
    section = plan.section.model_copy(update={"micro_batch_tokens": 10})
    tokenize(replace(plan, section=section), starter, folder, talk)
    assert "batched without padding" in talk.said[0] and "as requested" in talk.said[1] and len(talk.said) == 2


def test_the_reason_for_padding_is_given():
    said = tokenized_sentence(SimpleNamespace(way="padded", reason="MPNet hides its attention"), 1234.4, 5678.0)
    assert "with padding (MPNet hides its attention): 1,234 tokens" in said and "5,678" in said


def test_the_share_that_is_encoded_twice():
    said = held_sentence(Held(2500, 600), 10_000, asked=False)
    assert "2,500 tokens are held, so about 75% " in said and "null holds everything" in said
