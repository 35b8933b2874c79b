"""What a dry run foretells: from the data as the command reads them, and from the files of the encoder."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import AutoTokenizer

from embedtune.config.recipe.load import load
from embedtune.config.sections.encoder import ModelSection
from embedtune.config.verbs.drift import DriftConfig
from embedtune.config.verbs.train import TrainConfig
from embedtune.data.look import Reading
from embedtune.models.encode.tokenizer import Tokenizer
from embedtune.models.encoder import Encoder
from embedtune.models.sources.resolve import resolve
from embedtune.models.speed import declared
from embedtune.models.speed.declared import LEARNING, REACHED, declared_cost
from embedtune.models.speed.probe import activation_bytes
from embedtune.workflows.shared.dry_run.data import look_at
from embedtune.workflows.shared.dry_run.foresee import foresee
from embedtune.workflows.shared.dry_run.price import NOT_RETURNED, _cost, needed_bytes, price, seconds
from embedtune.workflows.shared.dry_run.price import activation_bytes as activations_of


@pytest.fixture
def pairs(tmp_path: Path) -> str:
    rows = [{"anchor": f"question {i} on bills", "positive": f"answer {i} on paying"} for i in range(100)]
    path = tmp_path / "pairs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def test_products_and_tokens_are_those_of_the_loaded_model(bert, bert_folder: Path) -> None:
    cost = declared_cost(resolve(ModelSection(name=str(bert_folder))))
    layers = bert.model[0].auto_model.encoder.layer
    weights = sum(one.weight.numel() for one in layers.modules() if isinstance(one, torch.nn.Linear))
    assert cost.products == 2 * weights  # one multiplication and one addition per weight and token
    texts = ["a short text", "a somewhat longer text with words", "질문 하나"]
    tokenizer = AutoTokenizer.from_pretrained(bert_folder)
    assert cost.tokens(texts) == sum(len(tokenizer(text)["input_ids"]) for text in texts) / len(texts)


def test_time_follows_from_texts_tokens_and_products(bert_folder: Path, monkeypatch) -> None:
    monkeypatch.setattr(declared, "products_per_s", lambda: 1e9)
    cost = declared_cost(resolve(ModelSection(name=str(bert_folder))))
    encoded, learned = Reading(1000, ("a text",)), Reading(1000, ("a text",), learned=True)
    once = 1000 * cost.tokens(["a text"]) * cost.products / (REACHED * 1e9)
    assert seconds(cost, [encoded]) == pytest.approx(once)
    assert seconds(cost, [encoded, learned]) == pytest.approx((1 + LEARNING) * once)
    kept = Reading(1000, ("a text",), kept=1000)
    assert needed_bytes(cost, [kept]) - needed_bytes(cost, [encoded]) == 1000 * cost.dimensions * 4


def test_activations_are_about_those_that_training_keeps(bert: Encoder, bert_folder: Path) -> None:
    cost = declared_cost(resolve(ModelSection(name=str(bert_folder))))
    for words in (8, 40):
        texts = [" ".join(["reset"] * words)] * 16
        features = Tokenizer(bert).tokenize(texts, "query").features(range(16))
        assert cost.activation_bytes(16, texts) == pytest.approx(activation_bytes(bert, features, "fp32"), rel=0.25)
    assert declared_cost(resolve(ModelSection(name="starter"))).activation_bytes(16, texts) == 0


def test_a_training_step_needs_memory_for_its_batch(pairs: str, bert_folder: Path, monkeypatch) -> None:
    monkeypatch.setattr("embedtune.workflows.shared.dry_run.price.allowed_on_processors", lambda: 2**30)
    cost = declared_cost(resolve(ModelSection(name=str(bert_folder))))
    config = load(TrainConfig, None, [], {"data": pairs, "model": str(bert_folder), "batch_size": 16})
    learned, *_ = readings = look_at(config).readings
    assert learned.together == 2 * 16
    kept = activations_of(cost, readings)
    assert kept == cost.activation_bytes(32, learned.sample) > 0
    assert activations_of(cost, [replace(learned, learned=False)]) == 0
    step = replace(learned, together=0)
    assert needed_bytes(cost, [learned]) - needed_bytes(cost, [step]) == pytest.approx(NOT_RETURNED * kept, abs=1)
    monkeypatch.setattr("embedtune.workflows.shared.dry_run.price.allowed_on_processors", lambda: kept // 2)
    assert activations_of(cost, readings) == kept // 2  # training encodes the rest twice


def test_a_run_reads_its_rows_each_epoch_and_its_splits_around_it(pairs: str) -> None:
    seen = look_at(load(TrainConfig, None, [], {"data": pairs, "epochs": 3, "batch_size": 16}))
    learned, dev, test = seen.readings
    rows, held = 80, 10
    assert learned == Reading(3 * 2 * rows, learned.sample, learned=True, each=2 * rows, together=2 * 16)
    assert dev.texts == 4 * (held + 100) and test.texts == 2 * (held + 100)


def test_a_model_that_is_not_here_is_said_and_no_number_is_made_up(pairs: str, monkeypatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    config = load(TrainConfig, None, [], {"data": pairs, "model": "owner/nowhere"})
    (said,) = price(config, look_at(config).readings)
    assert said.startswith("time and memory are not foretold: owner/nowhere is not on this machine")


@pytest.mark.parametrize(
    ("row", "model", "fits"),
    [
        (("지급일 확인 {}", "매월 이십오일에 지급 {}"), "bert", False),
        (("지급일 확인 {}", "매월 이십오일에 지급 {}"), "starter", True),
        (("How do I reset my password {}?", "Open the settings, choose account {}"), "bert", True),
    ],
)
def test_a_vocabulary_that_does_not_fit_is_said_before_training(
    tmp_path: Path, bert_folder: Path, listener, row: tuple[str, str], model: str, fits: bool
) -> None:
    rows = [{"anchor": row[0].format(i), "positive": row[1].format(i)} for i in range(60)]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in rows), encoding="utf-8")
    name = str(bert_folder) if model == "bert" else model
    foresee(load(TrainConfig, None, [], {"data": str(path), "model": name}), listener)
    said = [one for one in listener.warned if "the vocabulary of" in one]
    assert len(said) == (0 if fits else 1)
    assert all(f"{name} does not fit Hangul text" in one and "multilingual-e5-small" in one for one in said)


def test_two_encoders_of_a_command_are_both_counted(tmp_path: Path, bert_folder: Path, listener, monkeypatch) -> None:
    monkeypatch.setattr(declared, "products_per_s", lambda: 1e6)
    (tmp_path / "texts.txt").write_text("".join(f"A text on parcel {i}.\n" for i in range(120)))
    config = load(DriftConfig, None, [], {"data": str(tmp_path / "texts.txt")})
    foresee(config, listener, (str(bert_folder), str(bert_folder)))
    one, two = (price(config, [Reading(10**4, ("a text",))], (str(bert_folder),) * n) for n in (1, 2))
    assert any(said.startswith("time: about ") for said in listener.said)
    assert any(said.startswith("memory: about ") for said in listener.said)
    assert one != two


def test_a_student_a_teacher_and_an_encoder_of_queries_are_counted_for_what_they_read(
    pairs: str, bert_folder: Path, monkeypatch
) -> None:
    monkeypatch.setattr(declared, "products_per_s", lambda: 1e6)
    folder = str(bert_folder)
    whole, half = (declared_cost(resolve(ModelSection(name=folder)), kept) for kept in (None, 1))
    assert whole.products == 2 * half.products  # it has two layers
    given = {"data": pairs, "model": folder, "loss": "align", "teacher": folder, "epochs": 3, "batch_size": 16}
    config = load(TrainConfig, None, [], given)
    learned, *others = look_at(config).readings
    time = foretold_s(price(config, [learned, *others])[0])
    once = Reading(learned.each, learned.sample)
    assert time == pytest.approx(seconds(whole, [learned, *others]) + seconds(whole, [once]), rel=0.1)
    smaller = load(TrainConfig, None, [], {**given, "layers": 1})
    assert foretold_s(price(smaller, [learned])[0]) == pytest.approx(
        seconds(half, [learned]) + seconds(whole, [once]), rel=0.1
    )
    two = load(TrainConfig, None, [], {"data": pairs, "model": folder, "query_model": folder})
    assert foretold_s(price(two, [learned])[0]) == pytest.approx(seconds(whole, [learned]), rel=0.1)


def foretold_s(said: str) -> float:
    """The seconds of a sentence about time, which rounds them."""
    words = said.removeprefix("time: about ").split(" by ")[0].split()
    units = {"s": 1, "min": 60, "h": 3600}
    return sum(float(number) * units[unit] for number, unit in zip(words[::2], words[1::2], strict=True))


def test_texts_are_read_as_far_as_the_recipe_says(bert_folder: Path) -> None:
    long = [" ".join(["reset"] * 20)]
    whole, cut = (_cost(ModelSection(name=str(bert_folder), max_length=most)).tokens(long) for most in (None, 8))
    assert whole > 20
    assert cut == 8


def test_a_cross_encoder_reads_pairs(pairs: str, bert_folder: Path) -> None:
    asked = ["reranker.negatives=3", "reranker.depth=5", "training.epochs=2"]
    found = {}
    for task in ("retrieval", "reranker"):
        config = load(TrainConfig, None, asked, {"data": pairs, "model": str(bert_folder), "task": task})
        found[task] = look_at(config)
    learned = {task: next(one for one in look.readings if one.learned) for task, look in found.items()}
    assert all(" on bills answer " in text for text in learned["reranker"].sample)
    # Every pair of an epoch and three negatives of it, where an encoder reads two texts.
    assert learned["reranker"].texts == pytest.approx(2 * learned["retrieval"].texts, rel=0.05)
    reranked = [one for one in found["reranker"].readings if not one.learned and " on bills answer " in one.sample[0]]
    assert len(reranked) == 2  # dev and test
    assert all(one.texts % 5 == 0 for one in reranked)
    assert "batch size chosen for a new cross-encoder" in found["reranker"].described[-1]
