"""The trainer end to end on a tiny BERT: it learns, keeps the best model, records each step, and resumes exactly."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import TrainerCallback

from embedtune.config.sections.objective import LossSection
from embedtune.config.sections.training import TrainingSection
from embedtune.errors import ConfigError, Interrupted, StoppedError
from embedtune.models.encode.encode import encode
from embedtune.training.batch.row_texts import RowTexts
from embedtune.training.guide.self_guide import SelfGuide
from embedtune.training.guide.vectors import GuideTable
from embedtune.training.run.trainer import fit
from embedtune.training.step.objective import build_objective

SECTION = TrainingSection(epochs=3, batch_size=4, seed=1)


@pytest.fixture
def plan(run_of):
    return run_of(SECTION, lr=1e-3)


def weights(encoder) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in encoder.model.state_dict().items()}


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(first[name], second[name]) for name in first)


class StopAfter(TrainerCallback):
    """Asks for an interruption as Ctrl-C does, after a step."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_end(self, args, state, control, **kwargs):
        if state.global_step == self.step:
            import signal

            signal.raise_signal(signal.SIGINT)


def test_training_lowers_the_loss_and_logs_every_step(bert, plan):
    result = fit(bert, plan)
    lines = [json.loads(line) for line in (plan.folder / "metrics.jsonl").read_text().splitlines()]
    steps = [line for line in lines if "loss" in line]
    assert result.steps == 12 == len(steps) and result.epochs == 3
    assert np.mean([line["loss"] for line in steps[-4:]]) < np.mean([line["loss"] for line in steps[:4]])
    assert all("infonce.negatives_per_row" in line for line in steps)
    assert [line["infonce"] for line in steps] == pytest.approx([line["loss"] for line in steps], abs=1e-3)


def test_nothing_is_printed(bert, plan, capfd):
    fit(bert, plan)
    assert capfd.readouterr().out == ""


def test_the_model_of_the_best_dev_score_is_kept(bert, plan):
    # The dev score peaks at the first evaluation, so the model must come back as it was there.
    seen = []

    def dev():
        seen.append(weights(bert))
        return {"ndcg@10": [0.4, 0.9, 0.5, 0.6][len(seen) - 1]}

    result = fit(bert, replace(plan, dev=dev))
    assert [(step, scores["ndcg@10"]) for step, scores in result.curve] == [(0, 0.4), (4, 0.9), (8, 0.5), (12, 0.6)]
    assert result.best_step == 4
    assert same(seen[1], weights(bert)) and not same(seen[3], weights(bert))


def test_the_start_is_kept_where_no_later_dev_score_is_above_it(bert, plan):
    start = weights(bert)
    scores = iter([0.5, 0.4, 0.5, 0.3])
    result = fit(bert, replace(plan, dev=lambda: {"ndcg@10": next(scores)}))
    assert (result.steps, result.best_step) == (12, 0)
    assert same(start, weights(bert))


def test_training_stops_early_when_dev_no_longer_gains(bert, plan):
    section = SECTION.model_copy(update={"epochs": 10, "patience": 2})
    scores = iter([0.1, 0.5, 0.4, 0.3])
    result = fit(bert, replace(plan, section=section, dev=lambda: {"ndcg@10": next(scores)}))
    assert result.steps == 12 and result.best_step == 4


@pytest.mark.parametrize(("stop", "tokens"), [(3, None), (6, None), (6, 30)])
def test_an_interrupted_run_goes_on_to_the_same_weights(bert_folder, plan, tmp_path, stop, tokens):
    """Dropout is on, so this also shows that random states are restored; with gradients cached too."""
    from embedtune.config.sections.encoder import EncoderSection
    from embedtune.models.files.load import load_encoder

    def fresh():
        return load_encoder(EncoderSection(name=str(bert_folder)), device="cpu")

    plan = replace(plan, section=SECTION.model_copy(update={"micro_batch_tokens": tokens}))
    whole, broken, resumed = fresh(), fresh(), fresh()
    fit(whole, plan)
    halted = replace(plan, folder=tmp_path / "halted")
    with pytest.raises(Interrupted, match=f"step {stop}"):
        fit(broken, replace(halted, callbacks=(StopAfter(stop),)))
    assert not same(weights(broken), weights(whole))
    result = fit(resumed, halted, resume=True)
    assert result.steps == 12
    assert same(weights(resumed), weights(whole))
    logged = [json.loads(line) for line in (halted.folder / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in logged if "loss" in line] == list(range(1, 13))


def test_the_losses_parameters_and_the_guide_survive_an_interruption(bert_folder, plan, tmp_path):
    from embedtune.config.sections.encoder import EncoderSection
    from embedtune.models.files.load import load_encoder

    def run(folder, *, stop: int | None = None, resume: bool = False):
        encoder = load_encoder(EncoderSection(name=str(bert_folder)), device="cpu")
        table = GuideTable(RowTexts(plan.rows, 0))
        guide = SelfGuide(
            table,
            lambda texts, role: encode(encoder, texts, role=role),
            warmup_share=0.25,
            steps=plan.steps,
            steps_per_epoch=plan.steps_per_epoch,
        )
        objective = build_objective(
            [
                LossSection(name="gist", args={"margin": 0.3}),
                LossSection(name="infonce", args={"learnable_temperature": True}),
            ]
        )
        callbacks = (guide,) if stop is None else (guide, StopAfter(stop))
        one = replace(plan, folder=folder, objective=objective, guide=table, callbacks=callbacks)
        if stop is None:
            fit(encoder, one, resume=resume)
        else:
            with pytest.raises(Interrupted):
                fit(encoder, one)
        return weights(encoder), {name: value.clone() for name, value in objective.state_dict().items()}

    whole, whole_loss = run(tmp_path / "whole")
    # Step 6 is inside an epoch: the guide in force was made at step 4 from weights that no longer exist.
    run(tmp_path / "halted", stop=6)
    resumed, resumed_loss = run(tmp_path / "halted", resume=True)
    assert whole_loss and same(whole_loss, resumed_loss)
    assert same(whole, resumed)


def test_a_queue_survives_an_interruption_and_each_run_starts_with_an_empty_one(bert_folder, plan, tmp_path):
    """Ten of sixteen rows: the queue wraps within an epoch and meets its own rows again in the next."""
    from embedtune.config.sections.encoder import EncoderSection
    from embedtune.models.files.load import load_encoder

    def run(folder, *callbacks, resume: bool = False, **changes):
        encoder = load_encoder(EncoderSection(name=str(bert_folder)), device="cpu")
        fit(encoder, replace(plan, folder=folder, callbacks=callbacks, **{"queue": 10, **changes}), resume=resume)
        return weights(encoder)

    def filled(folder):
        lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
        return [line["queue.filled"] for line in lines if "loss" in line]

    whole = run(tmp_path / "whole")
    assert filled(tmp_path / "whole") == [4, 8] + [10] * 10
    with pytest.raises(Interrupted):
        run(tmp_path / "halted", StopAfter(6))
    assert same(run(tmp_path / "halted", resume=True), whole)
    assert filled(tmp_path / "halted") == filled(tmp_path / "whole")
    assert not same(run(tmp_path / "none", queue=None), whole)


def test_a_loss_that_is_not_finite_stops_the_run_and_names_rows(bert, plan):
    with torch.no_grad():
        next(bert.model.parameters()).fill_(float("nan"))
    with pytest.raises(StoppedError, match="step 0") as stopped:
        fit(bert, plan)
    assert "rows" in stopped.value.message and "--lr" in stopped.value.next


def test_a_run_without_any_negative_left_is_stopped(bert, plan):
    """A guide that finds everything alike masks everything; 50 such steps are a defect, not a training run."""
    table = GuideTable(RowTexts(plan.rows, 0))
    table.fill(lambda texts, role: np.ones((len(texts), 2), dtype=np.float32) / np.sqrt(2))
    section = SECTION.model_copy(update={"epochs": 20})
    objective = build_objective([LossSection(name="gist", args={"margin": 0.5})])
    with pytest.raises(StoppedError, match="50 steps"):
        fit(bert, replace(plan, section=section, objective=objective, guide=table))


def test_micro_batches_change_what_is_held_and_not_what_is_learnt(bert, plan):
    """Dropout off, prompts on: the same log and the same weights after twelve steps, up to rounding."""
    for module in bert.model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    start = weights(bert)
    prompted = replace(bert, prompts={"query": "query: ", "document": "passage: "})
    learnt, logs = [], []
    for tokens in (None, 30):
        bert.model.load_state_dict(start)
        section = SECTION.model_copy(update={"micro_batch_tokens": tokens})
        folder = plan.folder.with_name(f"run-{tokens}")
        fit(prompted, replace(plan, section=section, folder=folder))
        learnt.append(weights(bert))
        lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
        logs.append([line["infonce"] for line in lines if "loss" in line])
    assert len(logs[0]) == 12 and logs[1] == pytest.approx(logs[0], abs=1e-3)
    assert not same(start, learnt[0])
    for name, value in learnt[0].items():
        torch.testing.assert_close(learnt[1][name], value, atol=1e-4, rtol=0)


def test_micro_batches_are_refused_where_dropout_would_not_be_replayed(bert, plan):
    section = SECTION.model_copy(update={"micro_batch_tokens": 30})
    with pytest.raises(ConfigError, match="mps"):
        fit(bert, replace(plan, section=section, device="mps"))


def test_a_trial_leaves_no_files(bert, plan):
    result = fit(bert, replace(plan, trial=True, dev=lambda: {"ndcg@10": 0.0}))
    assert result.steps == 12 and result.curve == ()
    assert not [path for path in plan.folder.rglob("*") if path.is_file()]


def test_prompts_reach_the_tokens(bert, plan):
    """Training with prompts must differ from training without: a lost prompt is a silent failure."""
    plain = weights(bert)
    fit(bert, plan)
    without = weights(bert)
    bert.model.load_state_dict(plain)
    prompted = replace(bert, prompts={"query": "query: ", "document": "passage: "})
    fit(prompted, replace(plan, folder=plan.folder.with_name("prompted")))
    assert not same(without, weights(prompted))


@pytest.mark.parametrize("steps", [11, 12])
def test_a_finished_run_is_not_trained_further_and_keeps_its_best_model_where_it_lies(
    bert_folder, plan, tmp_path, steps
):
    """Killed after training, moved, gone on with: the best model is that of the first evaluation, not the last."""
    from embedtune.config.sections.encoder import EncoderSection
    from embedtune.models.files.load import load_encoder

    def run(folder, *, resume=False):
        encoder = load_encoder(EncoderSection(name=str(bert_folder)), device="cpu")
        falling = iter([0.1, *np.linspace(0.9, 0.2, 20)])
        one = replace(plan, folder=folder, dev=lambda: {"ndcg@10": float(next(falling))})
        section = plan.section.model_copy(update={"max_steps": steps})
        return fit(encoder, replace(one, section=section), resume=resume), weights(encoder)

    first, best = run(tmp_path / "here")
    (tmp_path / "here").rename(tmp_path / "there")
    again, kept = run(tmp_path / "there", resume=True)
    assert (first.steps, first.best_step) == (again.steps, again.best_step) == (steps, 4)
    assert first.curve == again.curve
    assert same(best, kept)
    assert again.examples_per_s == 0


def test_a_run_in_bf16_leaves_a_model_that_computes_in_float32(bert, plan):
    """The trainer wraps the model's forward in autocast; vectors measured after the run would not be those saved."""
    import copy

    fit(bert, replace(plan, precision="bf16"))
    clean = type(bert.model)(modules=list(copy.deepcopy(bert.model)), device="cpu")
    texts = list(plan.rows.anchors)
    first, second = bert.model.encode(texts), clean.encode(texts)
    assert np.array_equal(first, second)


def test_a_second_run_of_a_process_computes_as_the_first_did(bert, plan):
    """accelerate marks a model as prepared; a second run in bf16 was then trained in float32."""
    start = {name: value.clone() for name, value in bert.model.state_dict().items()}
    run, learnt = replace(plan, precision="bf16"), []
    for _ in range(2):
        bert.model.load_state_dict(start)
        fit(bert, run)
        learnt.append({name: value.clone() for name, value in bert.model.state_dict().items()})
        shutil.rmtree(run.folder, ignore_errors=True)
    assert all(torch.equal(value, learnt[1][name]) for name, value in learnt[0].items())
    assert any(not torch.equal(value, start[name]) for name, value in learnt[0].items())


def test_dropout_can_be_turned_off_for_the_run(bert_folder, plan, tmp_path):
    """As in an encoder that has none; and what is trained has its own again afterwards."""
    from embedtune.config.sections.encoder import EncoderSection
    from embedtune.models.files.load import load_encoder

    learnt = []
    for name in ("model", "off", "none of its own"):
        encoder = load_encoder(EncoderSection(name=str(bert_folder)), device="cpu")
        if name == "none of its own":
            for module in encoder.model.modules():
                if isinstance(module, torch.nn.Dropout):
                    module.p = 0.0
        before = [module.p for module in encoder.model.modules() if isinstance(module, torch.nn.Dropout)]
        section = SECTION.model_copy(update={"dropout": "off" if name == "off" else "model"})
        fit(encoder, replace(plan, section=section, folder=tmp_path / name))
        assert [m.p for m in encoder.model.modules() if isinstance(m, torch.nn.Dropout)] == before
        learnt.append(weights(encoder))
    assert same(learnt[1], learnt[2]) and not same(learnt[0], learnt[1])


def test_frozen_token_vectors_stay_and_the_rest_learns(bert, plan):
    before = weights(bert)
    fit(bert, replace(plan, section=SECTION.model_copy(update={"embeddings": "frozen"})))
    stayed = {name for name, value in weights(bert).items() if torch.equal(value, before[name])}
    assert any(name.endswith("word_embeddings.weight") for name in stayed)
    assert not any("layer.0" in name and name.endswith("weight") for name in stayed)
    assert all(parameter.requires_grad for parameter in bert.model.parameters())


def test_frozen_token_vectors_are_refused_where_there_is_nothing_else(starter, plan):
    with pytest.raises(ConfigError, match="not a transformer"):
        fit(starter, replace(plan, section=SECTION.model_copy(update={"embeddings": "frozen"})))


def test_a_run_tells_its_pace(bert, starter, plan, tmp_path):
    for encoder in (bert, starter):
        one = replace(plan, folder=tmp_path / encoder.name.replace("/", "_"))
        result = fit(encoder, one)
        assert result.tokens_per_s > 0
        assert (result.flops_per_s is None) == (result.share_of_peak is None) == (encoder is starter)
        lines = [json.loads(line) for line in one.metrics.read_text().splitlines()]
        assert all("pace.tokens_per_s" in line for line in lines if "loss" in line)
