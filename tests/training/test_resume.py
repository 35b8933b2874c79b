"""A run killed after any step and gone on with ends with the very bytes of one that was never interrupted."""

import json

import numpy as np
import pytest
import torch
from transformers import TrainerCallback

from embedtune.config.sections.encoder import EncoderSection, Lora
from embedtune.config.sections.objective import LossSection
from embedtune.config.sections.training import TrainingSection
from embedtune.data.rows import Rows
from embedtune.errors import Interrupted, StoppedError
from embedtune.models.encode.encode import encode
from embedtune.models.files.load import load_encoder
from embedtune.training.batch.curriculum import Curriculum
from embedtune.training.batch.row_table import build_table
from embedtune.training.batch.row_texts import RowTexts
from embedtune.training.guide.self_guide import SelfGuide
from embedtune.training.guide.vectors import GuideTable
from embedtune.training.run.checkpoint import steps_of, whole_checkpoint
from embedtune.training.run.fit import Fit
from embedtune.training.run.trainer import fit
from embedtune.training.step.objective import build_objective

STEPS = 8
TOPICS = ("password", "refund", "address", "배송", "환불", "쿠폰")


class Killed(BaseException):
    """Ends a run as a kill does: nothing of ours gets to run afterwards that would save anything."""


class KillAfter(TrainerCallback):
    """Dies after a step, before anything is logged or saved of it."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_end(self, args, state, control, **_):
        if state.global_step == self.step:
            raise Killed


class AskToStop(KillAfter):
    """Asks for an orderly stop after a step, as Ctrl-C does."""

    def on_step_end(self, args, state, control, **_):
        if state.global_step == self.step:
            import signal

            signal.raise_signal(signal.SIGINT)


@pytest.fixture(scope="module")
def rows() -> Rows:
    """Eleven rows of three negatives, so that the last batch of an epoch is smaller."""
    return Rows(
        anchors=[f"how about {TOPICS[i % 6]} {i}" for i in range(11)],
        positives=[f"{TOPICS[i % 6]} works so {i}" for i in range(11)],
        negatives=[[f"{TOPICS[(i + k) % 6]} fails {i}" for k in (1, 2, 3)] for i in range(11)],
    )


def train(folder, rows, bert, *callbacks, resume=False, warned=None, dev=None, lr=1e-3, lora=None, **section):
    """Trains the tiny BERT, dropout on, everything stateful on; the result, the weights, and those of the losses."""
    encoder = load_encoder(EncoderSection(name=str(bert), lora=lora), device="cpu")
    own = np.stack([rows.anchor_ids, rows.positive_ids], axis=1)
    curriculum = Curriculum(rows, 2, schedule="random", seed=3, epochs=3)
    options = {"epochs": 3, "max_steps": STEPS, "batch_size": 4, "seed": 1} | section
    objective = build_objective(
        [
            LossSection(name="gist", args={"margin": 0.3}),
            LossSection(name="infonce", args={"learnable_temperature": True}),
        ]
    )
    guide = GuideTable(RowTexts(rows, curriculum.stored, curriculum))
    own_guide = SelfGuide(
        guide,
        lambda texts, role: encode(encoder, texts, role=role),
        warmup_share=0.25,
        steps=STEPS,
        steps_per_epoch=3,
    )
    plan = Fit(
        rows=rows,
        table=build_table(rows, own, curriculum=curriculum),
        objective=objective,
        section=TrainingSection(**options),
        folder=folder,
        lr=lr,
        guide=guide,
        queue=5,
        dev=dev,
        callbacks=(own_guide, *callbacks),
        warn=(warned if warned is not None else []).append,
    )
    result = fit(encoder, plan, resume=resume)
    return result, _bytes(encoder.model), _bytes(objective)


@pytest.fixture
def run(rows, bert_folder, tmp_path):
    """Trains in a folder of this name."""
    return lambda name, *callbacks, **options: train(tmp_path / name, rows, bert_folder, *callbacks, **options)


@pytest.fixture(scope="module")
def whole(rows, bert_folder, tmp_path_factory):
    """A run that nothing interrupted."""
    return train(tmp_path_factory.mktemp("whole"), rows, bert_folder)


def _bytes(module: torch.nn.Module) -> dict[str, bytes]:
    return {name: value.numpy().tobytes() for name, value in module.state_dict().items()}


def test_killed_after_any_step(run, whole, tmp_path):
    """Each kill resumes from the last checkpoint and is killed again one step further on, until the run is through."""
    for step in range(1, STEPS + 1):
        with pytest.raises(Killed):
            run("killed", KillAfter(step), resume=True, checkpoint_every=1 + step % 2)
        newest = whole_checkpoint(tmp_path / "killed" / "checkpoints", pytest.fail)
        assert newest is None or steps_of(newest) < step
    again = run("killed", resume=True)
    assert again[0].steps == STEPS
    assert again[1:] == whole[1:]
    lines = [json.loads(line) for line in (tmp_path / "killed" / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "loss" in line] == list(range(1, STEPS + 1))


def test_killed_with_gradients_cached(run):
    options = {"micro_batch_tokens": 20, "checkpoint_every": 2}
    uninterrupted = run("whole", micro_batch_tokens=20)
    for step in (3, 7):  # resumed at 2 and at 6, within an epoch and between two
        with pytest.raises(Killed):
            run("killed", KillAfter(step), resume=True, **options)
    assert run("killed", resume=True, **options)[1:] == uninterrupted[1:]


def test_killed_with_low_rank_adapters(run):
    pytest.importorskip("peft")
    options = {"lora": Lora(rank=4, dropout=0.1), "checkpoint_every": 3}
    uninterrupted = run("whole", **options)
    with pytest.raises(Killed):
        run("killed", KillAfter(5), **options)
    assert run("killed", resume=True, **options)[1:] == uninterrupted[1:]


def test_data_workers_change_no_bit(run, whole):
    """With negatives chosen anew each epoch, a worker that kept those of an earlier epoch would be found out."""
    with pytest.raises(Killed):
        run("killed", KillAfter(6), workers=2, checkpoint_every=5)
    assert run("killed", resume=True, workers=1)[1:] == whole[1:]


def test_a_stop_asked_for_where_dev_is_evaluated(run):
    """The evaluation takes place, or the resumed run would never have its score and might keep another model."""
    scores = {0: 0.3, 3: 0.9, 6: 0.5, 8: 0.4}
    steps = iter([0, 3, 6, 8])
    uninterrupted = run("whole", dev=lambda: {"ndcg@10": scores[next(steps)]})
    steps = iter([0, 3, 6, 8])
    dev = lambda: {"ndcg@10": scores[next(steps)]}  # noqa: E731
    with pytest.raises(Interrupted, match="after step 3 of 8"):
        run("stopped", AskToStop(3), dev=dev)
    again = run("stopped", resume=True, dev=dev)
    assert again[0].best_step == uninterrupted[0].best_step == 3
    assert again[0].curve == uninterrupted[0].curve
    assert again[1] == uninterrupted[1]


def test_a_damaged_newest_checkpoint_costs_steps_and_nothing_else(run, whole, tmp_path):
    with pytest.raises(Killed):
        run("killed", KillAfter(7), checkpoint_every=2)
    damaged = tmp_path / "killed" / "checkpoints" / "checkpoint-6" / "optimizer.pt"
    damaged.write_bytes(damaged.read_bytes()[:-7])
    warned = []
    assert run("killed", resume=True, warned=warned)[1:] == whole[1:]
    assert ["step 6 is damaged" in text for text in warned] == [True]


def test_a_damaged_best_model_is_told_and_a_later_one_kept(run, tmp_path):
    falling = iter([0.3, 0.9, 0.5, 0.7, 0.6])
    dev = lambda: {"ndcg@10": next(falling)}  # noqa: E731
    with pytest.raises(Killed):
        run("killed", KillAfter(7), dev=dev)
    best = tmp_path / "killed" / "checkpoints" / "checkpoint-3" / "model.safetensors"
    best.write_bytes(best.read_bytes()[::-1])
    warned = []
    result, *_ = run("killed", resume=True, warned=warned, dev=dev)
    assert any("best model so far, of step 3, is damaged" in text for text in warned)
    assert result.best_step == 8


def test_a_best_model_that_is_damaged_while_training_is_told(run, tmp_path):
    """The trainer loads it at the end, says nothing when it cannot, and goes on with the last one."""

    class Damage(KillAfter):
        def on_step_end(self, args, state, control, **_):
            if state.global_step == self.step:
                (tmp_path / "run" / "checkpoints" / "checkpoint-3" / "model.safetensors").write_bytes(b"torn")

    falling = iter([0.3, 0.9, 0.5, 0.4])
    warned = []
    result, *_ = run("run", Damage(7), dev=lambda: {"ndcg@10": next(falling)}, warned=warned)
    assert result.best_step is None
    assert any("best model, of step 3, is damaged" in text for text in warned)


def test_a_resumed_run_still_keeps_the_start(run):
    """Its score is in the checkpoint, and it is not computed again."""
    scores = iter([0.9, 0.5, 0.6, 0.4])
    uninterrupted = run("whole", dev=lambda: {"ndcg@10": next(scores)})
    scores = iter([0.9, 0.5, 0.6, 0.4])
    dev = lambda: {"ndcg@10": next(scores)}  # noqa: E731
    with pytest.raises(Killed):
        run("killed", KillAfter(5), dev=dev)
    rest = iter([0.6, 0.4])
    again = run("killed", resume=True, dev=lambda: {"ndcg@10": next(rest)})
    assert again[0].best_step == uninterrupted[0].best_step == 0
    assert again[0].curve == uninterrupted[0].curve
    assert again[1] == uninterrupted[1]


def test_killed_after_patience_was_over_it_trains_no_further(run, tmp_path):
    """The counter of evaluations without gain is the run's, not the process's."""
    options = {"max_steps": None, "patience": 2}
    scores = iter([0.3, 0.9, 0.5, 0.4])
    ended = run("whole", dev=lambda: {"ndcg@10": next(scores)}, **options)
    assert ended[0].steps == 9 and ended[0].best_step == 3
    again = run("whole", resume=True, dev=lambda: pytest.fail("evaluated again"), **options)
    assert (again[0].steps, again[0].best_step) == (9, 3)
    assert again[1] == ended[1]


def test_patience_goes_on_where_it_was(run):
    options = {"max_steps": None, "epochs": 9, "patience": 3}
    scores = [0.05, 0.9, 0.5, 0.4, 0.3, 0.2, 0.1]
    first = iter(scores)
    with pytest.raises(Killed):
        run("killed", KillAfter(8), dev=lambda: {"ndcg@10": next(first)}, **options)
    rest = iter(scores[3:])
    assert run("killed", resume=True, dev=lambda: {"ndcg@10": next(rest)}, **options)[0].steps == 12


def test_another_learning_rate_is_taken_and_not_that_of_the_checkpoint(run, tmp_path):
    """Half of the linear schedule is left after four of eight steps."""
    with pytest.raises(Killed):
        run("killed", KillAfter(5), checkpoint_every=4, warmup_share=0.0)
    run("killed", resume=True, lr=1e-5, warmup_share=0.0)
    lines = [json.loads(line) for line in (tmp_path / "killed" / "metrics.jsonl").read_text().splitlines()]
    rates = [line["learning_rate"] for line in lines if "loss" in line]
    assert rates == pytest.approx([(1 - i / 8) * (1e-3 if i < 4 else 1e-5) for i in range(8)])


class TestStopped:
    """What a run leaves that embedtune stopped itself."""

    @pytest.fixture
    def breaks(self, monkeypatch):
        """Makes something not finite from step 5 on: the loss itself, or its gradient at one row's vector."""
        from embedtune.training.step.objective import Objective

        def now(kind: str) -> None:
            forward = Objective.forward

            def broken(self, batch):
                terms = forward(self, batch)
                if batch.step < 5:
                    return terms
                # The root of 0 has a value and no gradient.
                poison = batch.anchors[1].sub(batch.anchors[1].detach()).sum().abs().sqrt()
                return terms | {"gist": terms["gist"] * torch.nan if kind == "loss" else terms["gist"] + poison}

            monkeypatch.setattr(Objective, "forward", broken)

        return now

    @pytest.mark.parametrize("kind", ["loss", "gradient"])
    def test_the_last_finite_state_is_saved_and_a_mended_run_goes_on_from_it(self, run, breaks, tmp_path, kind):
        with pytest.MonkeyPatch.context():
            breaks(kind)
            with pytest.raises(StoppedError, match=f"{kind}.*NaN or infinite at step 5") as stopped:
                run("stopped", checkpoint_every=100)
        assert "the state after step 5 is saved" in stopped.value.message
        assert ("row " in stopped.value.message) == (kind == "gradient")
        newest = whole_checkpoint(tmp_path / "stopped" / "checkpoints", pytest.fail)
        assert steps_of(newest) == 5
        from safetensors.torch import load_file

        assert all(value.isfinite().all() for value in load_file(newest / "model.safetensors").values())
