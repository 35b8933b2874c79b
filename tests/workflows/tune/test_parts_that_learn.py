"""Arms of which a part learns (adapters, upper layers), and arms with negatives that are looked for."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from embedtune.config.recipe.load import load
from embedtune.config.verbs.train import TrainConfig
from embedtune.errors import ConfigError
from embedtune.identity import text_ids
from embedtune.models.encode.encode import encode
from embedtune.workflows.shared.talk import Silence
from embedtune.workflows.train.arms import default_choice, race_rows, trainer
from embedtune.workflows.train.arms.opened import open_arms
from embedtune.workflows.train.arms.trainer import TrainArms
from embedtune.workflows.train.guide.margin import ChosenMargin
from embedtune.workflows.train.guide.trials import trial_steps

DEFAULT = [
    "loss.0.name=infonce",
    "guide.name=none",
    "output.store=none",
    "training.lr=0.001",
    "training.precision=fp32",
]


def recipe(source: Path, model: Path, *changes: str) -> TrainConfig:
    options = {"data": str(source), "model": str(model), "guard": ["none"], "device": "cpu", "batch_size": 32}
    own = {one.partition("=")[0] for one in changes}
    kept = [one for one in DEFAULT if one.partition("=")[0] not in own]
    return load(TrainConfig, None, [*kept, *changes], options)


@pytest.fixture(scope="module")
def arms(questions: Path, bert_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainArms:
    opened = open_arms(recipe(questions, bert_folder), Silence())
    found = opened.load(tmp_path_factory.mktemp("arms"), Silence())
    assert isinstance(found, TrainArms)
    return found


def learned(arms: TrainArms, *changes: str) -> dict[str, np.ndarray]:
    """How far each weight went in three steps."""
    arms.restart()
    before = {name: one.detach().clone() for name, one in arms.encoder.model.state_dict().items()}
    found = arms.train(_settled(arms, *changes), steps=3, seed=0)
    assert not found.stopped and found.train_s > 0
    after = arms.encoder.model.state_dict()
    return {name: (after[name] - before[name]).double().numpy() for name in before}


def _settled(arms: TrainArms, *changes: str) -> TrainConfig:
    """The default, settled as the race has it, with changes as an arm writes them."""
    values = arms.config.model_dump()
    for change in changes:
        keys, _, value = change.partition("=")
        *path, last = keys.split(".")
        place = values
        for key in path:
            place[key] = place[key] or {}
            place = place[key]
        place[last] = type(place.get(last) or 0)(value) if value.isdigit() else value
    return TrainConfig.model_validate(values)


def test_adapters_change_weights_by_matrices_of_their_rank(arms: TrainArms) -> None:
    moved = learned(arms, "model.lora.rank=2")
    changed = {name: delta for name, delta in moved.items() if np.abs(delta).max() > 0}
    assert changed and all(delta.ndim == 2 for delta in changed.values())
    assert {np.linalg.matrix_rank(delta, tol=1e-6) for delta in changed.values()} == {2}
    assert not any("word_embeddings" in name for name in changed)
    assert any("word_embeddings" in name and np.abs(delta).max() > 0 for name, delta in learned(arms).items())


def test_adapters_start_again_for_each_training(arms: TrainArms) -> None:
    first, second = (learned(arms, "model.lora.rank=2") for _ in range(2))
    assert all((first[name] == second[name]).all() for name in first)


def test_a_full_run_keeps_its_best_point_and_a_shorter_one_its_last(arms: TrainArms) -> None:
    """Such a rate destroys the encoder, so that its best point is the start."""
    config = _settled(arms, "model.lora.rank=2", "training.lr=1")
    steps, start = arms.steps(config), arms.start.scores["logrank@1000"]
    full = arms.train(config, steps=steps, seed=0)
    weights = {name: one.clone() for name, one in arms.encoder.model.state_dict().items()}
    assert full.scores["logrank@1000"].mean() >= start.mean() - 1e-6
    assert arms.scored().scores["logrank@1000"] == pytest.approx(full.scores["logrank@1000"], abs=1e-6)
    assert arms.train(config, steps=steps - 1, seed=0).scores["logrank@1000"].mean() < start.mean()
    arms.restart()
    unchanged = [(one == weights[name]).all() for name, one in arms.encoder.model.state_dict().items()]
    assert all(unchanged) or full.scores["logrank@1000"].mean() > start.mean()
    assert not list(arms.folder.glob("full-run*"))  # its checkpoints are gone


def test_lower_layers_stay_as_they_are(arms: TrainArms) -> None:
    moved = learned(arms, "training.freeze_layers=1", "training.embeddings=frozen")
    layers = {name: np.abs(delta).max() for name, delta in moved.items()}
    assert all(size == 0 for name, size in layers.items() if "layer.0." in name or "embeddings" in name)
    assert any(size > 0 for name, size in layers.items() if "layer.1." in name)


def test_negatives_are_the_nearest_documents_that_are_not_too_near(arms: TrainArms) -> None:
    arms.restart()
    rows = arms._rows.of(_settled(arms, "negatives.mined=3"), None)
    queries, documents = list(rows.anchors), list(dict.fromkeys(rows.positives))
    first = encode(arms.encoder, queries, role="query", normalise=True)
    second = encode(arms.encoder, documents, role="document", normalise=True)
    ids, known = text_ids(documents), {(int(a), int(b)) for a, b in arms.data.known_positives}
    for row in range(0, len(rows), 17):
        scores = second @ first[row]
        limit = 0.95 * scores[documents.index(rows.positives[row])]
        right = [(int(rows.anchor_ids[row]), int(one)) in known for one in ids]
        able = [
            place
            for place in np.argsort(-scores, kind="stable")[:100]
            if scores[place] <= limit and not right[place] and ids[place] != rows.anchor_ids[row]
        ]
        expected = sorted((float(scores[place]) for place in able[:3]), reverse=True)
        assert [float(scores[documents.index(text)]) for text in rows.negatives[row]] == pytest.approx(
            expected, abs=1e-5
        )


def test_negatives_are_looked_for_once_in_a_race(arms: TrainArms, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    real = race_rows.with_near_negatives
    monkeypatch.setattr(race_rows, "with_near_negatives", lambda *a: calls.append(1) or real(*a))
    config = _settled(arms, "negatives.mined=2")
    assert arms.making_s(config) > 0 and arms.making_s(arms.config) == 0
    arms.priced(config, 2)
    assert arms.making_s(config) == 0
    for seed in (0, 1):
        arms.train(config, steps=1, seed=seed)
    arms.train(_settled(arms, "negatives.mined=2"), steps=1, seed=0, pairs=100)
    assert len(calls) == 1


def test_own_negatives_are_not_replaced(questions: Path, bert_folder: Path, tmp_path: Path) -> None:
    rows = [line[:-1] + f', "negative": "text {n}"}}' for n, line in enumerate(questions.read_text().splitlines())]
    own = tmp_path / "own.jsonl"
    own.write_text("\n".join(rows), encoding="utf-8")
    with pytest.raises(ConfigError, match="negatives of their own"):
        open_arms(recipe(own, bert_folder, "negatives.mined=2"), Silence())


def test_a_price_is_that_of_a_step_and_not_of_what_comes_before(arms: TrainArms) -> None:
    found = arms.priced(arms.config, 4)
    assert found.before_s >= 0 and found.step_s > 0
    assert 0 < found.work_s <= 4 * found.step_s * torch.get_num_threads()


@pytest.mark.parametrize(("guide", "tried"), [("self", 1), ("none", 0)])
def test_the_default_gets_its_margin_as_a_run_does(
    questions: Path, bert_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, guide: str, tried: int
) -> None:
    calls: list[int] = []
    monkeypatch.setattr(
        default_choice, "choose_margin", lambda config, ground: calls.append(1) or ChosenMargin(0.0, {}, "it was best")
    )
    monkeypatch.setattr(trainer, "FEWEST_QUERIES", 1)  # it is checked against the few queries of these data
    found = open_arms(recipe(questions, bert_folder, "loss.0.name=gist", f"guide.name={guide}"), Silence())
    racing = found.load(tmp_path, Silence())
    choice = racing.open_choice
    assert (choice is not None) is (tried == 1)
    if choice is not None:  # plain, and with a guide
        assert (choice.plain_trials, choice.guided_trials) == (1, 1)
        assert choice.all_steps == 2 * trial_steps(racing.encoder, racing.steps(racing.config))
        assert (choice.plain.guide.name, choice.guided.guide.name) == ("none", "self")
    said = racing.choose(Silence())
    assert len(calls) == tried
    assert said == ("The default's guide: it was best." if tried else "")
    assert racing.config.guide.name == guide


def test_less_memory_means_smaller_micro_batches(arms: TrainArms) -> None:
    whole = arms.memory(arms.config, 2**50)
    assert whole.micro_batch_tokens is None
    less = arms.memory(arms.config, whole.peak_bytes - 2**16)
    assert less.micro_batch_tokens is not None
    assert arms.memory(arms.config, 2**20).peak_bytes > 2**20  # the libraries alone take more
    adapted = arms.memory(_settled(arms, "model.lora.rank=2"), 2**50)
    weights = sum(one.numel() for one in arms.encoder.model.parameters())
    # Gradients and moments of almost all weights are saved; what else the process took meanwhile is not.
    assert adapted.peak_bytes < whole.peak_bytes + 2**27 and weights > 0


def test_reading_dev_is_no_part_of_a_scoring(arms: TrainArms, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is done once, so that a race would pay for it in every heat otherwise."""
    now = [0.0]
    real = trainer.read_judged

    def slow(*args: object) -> object:
        now[0] += 100.0
        return real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(trainer, "read_judged", slow)
    monkeypatch.setattr(trainer.time, "perf_counter", lambda: now[0])
    other = replace(arms)
    assert other.scored().score_s == 0 and other.scored().score_s == 0
    assert other.reading_s == now[0] == 100.0
