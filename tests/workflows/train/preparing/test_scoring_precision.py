"""Dev and test are encoded in the precision of training where that is harmless; the saved model is checked exactly."""

from dataclasses import replace

import numpy as np
import pytest

from embedtune.config.sections.encoder import EncoderSection
from embedtune.models.encode.encode import encode
from embedtune.models.files.load import load_encoder
from embedtune.models.towers.signal_input import SignalInput
from embedtune.workflows.train.preparing.scoring_precision import exact, to_be_scored
from embedtune.workflows.train.run import train


@pytest.mark.parametrize("hardware", [True, False])
def test_auto_is_what_training_would_use(recipe, bert, starter, hardware, monkeypatch) -> None:
    monkeypatch.setattr("embedtune.models.speed.precision.multiplies_bf16", lambda _: hardware)
    assert to_be_scored(bert, recipe()).products == ("bf16" if hardware else "fp32")
    assert to_be_scored(starter, recipe()).products == "fp32"
    assert to_be_scored(bert, recipe("training.scoring_precision=fp32")).products == "fp32"


def test_what_must_stay_exact_does(recipe, bert, monkeypatch) -> None:
    monkeypatch.setattr("embedtune.models.speed.precision.multiplies_bf16", lambda _: True)
    assert to_be_scored(bert, recipe("side=query")).products == "fp32"
    reads_signals = replace(bert, signals=SignalInput(kind="vectors", samples=64, channels=1))
    assert to_be_scored(reads_signals, recipe()).products == "fp32"


def test_a_run_scored_in_bf16_says_so_and_saves_a_model_that_is_exact(recipe, bert_folder, texts, listener) -> None:
    result = train(recipe("training.scoring_precision=bf16", model=str(bert_folder), max_steps=1), talk=listener)
    assert "scoring_precision: bf16" in result.recipe
    assert any("dev and test in bf16, too" in said for said in listener.said)
    # The run compares the saved model with the trained one in fp32: in bf16 the two differ.
    saved = load_encoder(EncoderSection(name=result.model), device="cpu")
    rough = encode(replace(saved, products="bf16"), texts, role="query")
    assert not np.array_equal(encode(exact(replace(saved, products="bf16")), texts, role="query"), rough)
