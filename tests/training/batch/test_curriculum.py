"""Which negatives are chosen, and that what reaches the loss is the choice: ids, vectors, guide and teacher scores."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import TrainerCallback

from embedtune.config.sections.objective import LossSection
from embedtune.config.sections.training import TrainingSection
from embedtune.data.rows import Rows
from embedtune.errors import Interrupted
from embedtune.identity import text_id
from embedtune.models.encode.encode import encode
from embedtune.training.batch.curriculum import Curriculum
from embedtune.training.batch.row_table import build_table
from embedtune.training.batch.row_texts import RowTexts
from embedtune.training.guide.vectors import GuideTable
from embedtune.training.run.fit import Fit
from embedtune.training.run.trainer import fit
from embedtune.training.step.objective import build_objective

EPOCHS = 3


@pytest.fixture
def mined() -> Rows:
    """Twelve rows with up to seven negatives each, and their scores in no order."""
    draw = np.random.default_rng(0)
    counts = [7, 7, 7, 0, 1, 2, 3, 4, 5, 6, 7, 7]
    return Rows(
        anchors=[f"질문 {row}" for row in range(12)],
        positives=[f"답 {row}" for row in range(12)],
        negatives=[[f"틀린 답 {row} {place}" for place in range(count)] for row, count in enumerate(counts)],
        teacher_scores=[[1.0, *draw.permutation(count).tolist()] for count in counts],
    )


def places(rows: Rows, schedule: str, epoch: int, **options) -> list[list[int]]:
    curriculum = Curriculum(rows, 2, schedule=schedule, epochs=EPOCHS, **options)
    curriculum.begin(epoch)
    return curriculum.places.tolist()


def test_fixed_is_the_first_in_every_epoch(mined):
    for epoch in range(EPOCHS):
        for row, own in enumerate(places(mined, "fixed", epoch)):
            assert own == [place if place < len(mined.negatives[row]) else -1 for place in range(2)]


def test_easy_to_hard_moves_from_the_lowest_scores_to_the_highest(mined):
    for epoch, share in enumerate((0.0, 0.5, 1.0)):
        for row, own in enumerate(places(mined, "easy_to_hard", epoch)):
            scores = mined.teacher_scores[row][1:]
            easiest = sorted(range(len(scores)), key=lambda place, scores=scores: scores[place])
            start = round(share * max(0, len(scores) - 2))
            wanted = easiest[start : start + 2]
            assert own == [*wanted, *[-1] * (2 - len(wanted))]


def test_a_negative_without_a_score_counts_as_easy_and_is_not_lost():
    nan = float("nan")
    rows = Rows(
        anchors=["a", "b"],
        positives=["p", "q"],
        negatives=[["n0", "n1"], ["m0", "m1", "m2", "m3"]],
        teacher_scores=[[1.0, nan, 0.5], [1.0, 0.4, nan, 0.1, 0.2]],
    )
    curriculum = Curriculum(rows, 2, schedule="easy_to_hard", epochs=2)
    assert curriculum.places.tolist() == [[0, 1], [1, 2]]
    curriculum.begin(1)
    assert curriculum.places.tolist() == [[0, 1], [3, 0]]


def test_with_one_epoch_the_hardest_are_taken_and_without_scores_those_are_the_first(mined):
    plain = replace(mined, teacher_scores=None)
    curriculum = Curriculum(plain, 2, schedule="easy_to_hard", epochs=1)
    assert curriculum.places[0].tolist() == [1, 0]


def test_random_draws_real_negatives_anew_each_epoch_and_the_same_each_time(mined):
    drawn = [places(mined, "random", epoch, seed=5) for epoch in range(EPOCHS)]
    for choice in drawn:
        for row, own in enumerate(choice):
            real = [place for place in own if place >= 0]
            count = len(mined.negatives[row])
            assert len(real) == len(set(real)) == min(2, count) and all(place < count for place in real)
    assert drawn[0] != drawn[1] != drawn[2]
    assert drawn[1] == places(mined, "random", 1, seed=5) != places(mined, "random", 1, seed=6)


def test_random_leaves_no_negative_out_for_long():
    rows = Rows(anchors=["a"], positives=["b"], negatives=[[f"n{place}" for place in range(5)]])
    curriculum = Curriculum(rows, 1, schedule="random")
    counts = np.zeros(5)
    for epoch in range(500):
        curriculum.begin(epoch)
        counts[curriculum.places[0, 0]] += 1
    assert abs(counts - 100).max() < 45  # 5 standard deviations


@pytest.mark.parametrize("schedule", ["random", "easy_to_hard"])
def test_the_batch_looks_everything_up_by_the_choice(mined, schedule):
    curriculum = Curriculum(mined, 3, schedule=schedule, epochs=EPOCHS)
    own = np.stack([mined.anchor_ids, mined.positive_ids], axis=1)
    table = build_table(mined, own, curriculum=curriculum)
    guide = GuideTable(RowTexts(mined, curriculum.stored, curriculum))
    value = {text: float(i) for i, text in enumerate(text for own in mined.negatives for text in own)}
    guide.fill(lambda texts, role: np.array([[value.get(text, -1.0)] for text in texts], dtype=np.float32))
    rows = torch.tensor([10, 3, 5, 0])
    for epoch in range(EPOCHS):
        ids = table.begin(epoch)
        guided = guide.batch(rows, torch.device("cpu"))
        batch = table.batch(rows, [torch.zeros(4, 2)] * 5, step=0, guide=guided)
        for i, row in enumerate(rows.tolist()):
            chosen = [place for place in curriculum.places[row].tolist() if place >= 0]
            texts = [mined.negatives[row][place] for place in chosen]
            count = len(chosen)
            assert batch.negatives_mask[i].tolist() == [True] * count + [False] * (3 - count)
            assert batch.negative_ids[i].tolist() == [*map(text_id, texts), *[0] * (3 - count)]
            assert ids[row][2:] == tuple(map(text_id, texts))
            assert guided.negatives[i, :count, 0].tolist() == [value[text] for text in texts]
            scores = batch.teacher_scores[i]
            assert scores[: 1 + count].tolist() == [1.0, *(mined.teacher_scores[row][1 + place] for place in chosen)]
            assert scores[1 + count :].isnan().all()


class StopAfter(TrainerCallback):
    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_end(self, args, state, control, **kwargs):
        if state.global_step == self.step:
            import signal

            signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize(("schedule", "tokens"), [("random", None), ("easy_to_hard", 64)])
def test_the_chosen_texts_reach_the_loss_in_every_epoch_and_after_a_resume(starter, mined, tmp_path, schedule, tokens):
    own = np.stack([mined.anchor_ids, mined.positive_ids], axis=1)
    text_of = {text_id(text): text for texts in mined.negatives for text in texts}

    def run(folder, *, stop=None, resume=False) -> list[dict[int, list[int]]]:
        """Anchor id -> ids of its negatives, step by step."""
        seen = []
        objective = build_objective([LossSection(name="infonce")])
        compute = objective.forward

        def watched(batch):
            for i, ids in enumerate(batch.negative_ids.tolist()):
                texts = [text_of[one] for one in ids if one]
                # The vectors are those of the texts that the ids stand for: the learning rate changes nothing.
                vectors = batch.negatives[i][batch.negatives_mask[i]].detach()
                expected = encode(starter, texts, role="document", normalise=False)
                np.testing.assert_allclose(vectors.numpy(), expected, atol=1e-5)
            seen.append(dict(zip(batch.anchor_ids.tolist(), batch.negative_ids.tolist(), strict=True)))
            return compute(batch)

        objective.forward = watched
        section = TrainingSection(epochs=EPOCHS, batch_size=4, seed=1, micro_batch_tokens=tokens)
        plan = Fit(
            rows=mined,
            table=build_table(mined, own, curriculum=Curriculum(mined, 2, schedule=schedule, seed=1, epochs=EPOCHS)),
            objective=objective,
            section=section,
            folder=folder,
            lr=1e-12,
            callbacks=() if stop is None else (StopAfter(stop),),
        )
        if stop is None:
            fit(starter, plan, resume=resume)
        else:
            with pytest.raises(Interrupted):
                fit(starter, plan)
        return seen

    whole = run(tmp_path / "whole")
    assert len(whole) == 9
    for epoch in range(EPOCHS):
        chosen = places(mined, schedule, epoch, seed=1)
        got = {anchor: ids for step in whole[3 * epoch : 3 * epoch + 3] for anchor, ids in step.items()}
        for row, anchor in enumerate(mined.anchor_ids.tolist()):
            wanted = [text_id(mined.negatives[row][place]) if place >= 0 else 0 for place in chosen[row]]
            assert got[anchor] == wanted
    # Stopped within the second epoch.
    first = run(tmp_path / "halted", stop=4)
    assert first + run(tmp_path / "halted", resume=True) == whole
