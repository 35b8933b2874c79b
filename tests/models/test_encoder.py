"""A fingerprint tells encoders with different vectors apart and nothing else; a copy stays what it was."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from embedtune.config.sections.encoder import EncoderSection
from embedtune.models.encode.encode import encode
from embedtune.models.encoder import in_mode
from embedtune.models.files.load import Encoder, load_encoder


def change_weight(encoder: Encoder) -> None:
    with torch.no_grad():
        encoder.model[0].model.embeddings.word_embeddings.weight[7, 3] += 1e-6


def change_pooling(encoder: Encoder) -> None:
    encoder.model[1].pooling_mode = "cls"


def change_prompt_pooling(encoder: Encoder) -> None:
    encoder.model[1].include_prompt = False


def change_tokenizer(encoder: Encoder) -> None:
    encoder.model.tokenizer.add_tokens(["새말"])


def change_dtype(encoder: Encoder) -> None:
    encoder.model.bfloat16()


def change_truncation(encoder: Encoder) -> None:
    encoder.model.truncate_dim = 8


@pytest.mark.parametrize(
    "change",
    [change_weight, change_pooling, change_prompt_pooling, change_tokenizer, change_dtype, change_truncation],
)
def test_whatever_changes_vectors_changes_the_fingerprint(bert: Encoder, change: Callable[[Encoder], None]):
    before = bert.fingerprint()
    change(bert)
    assert bert.fingerprint() != before


def test_use_and_place_do_not_change_it(bert: Encoder, bare_folder: Path, texts: tuple[str, ...]):
    before = bert.fingerprint()
    encode(bert, texts, role="query")  # tokenizing leaves padding and truncation in the tokenizer
    bert.model.train()
    assert bert.fingerprint() == before
    assert load_encoder(EncoderSection(name=str(bare_folder)), device="cpu").fingerprint() == before


@pytest.mark.parametrize("kind", ["bert", "starter"])
def test_a_copy_stays(kind: str, request: pytest.FixtureRequest, texts: tuple[str, ...]):
    encoder: Encoder = request.getfixturevalue(kind)
    encoder.model.train()
    snapshot = encoder.on("cpu")
    before = encode(snapshot, texts, role="query")
    with torch.no_grad():
        next(encoder.model.parameters()).add_(torch.randn(1))
    np.testing.assert_array_equal(encode(snapshot, texts, role="query"), before)
    assert snapshot.fingerprint() != encoder.fingerprint()


def test_only_a_table_of_vectors_has_no_products(bert: Encoder, starter: Encoder):
    assert bert.has_products
    assert not starter.has_products


def test_dropout_is_told_by_its_rate(bert, starter) -> None:
    assert bert.has_dropout and not starter.has_dropout
    for module in bert.model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    assert not bert.has_dropout


@pytest.mark.parametrize("training", [True, False])
def test_each_part_gets_its_own_mode_back_whatever_happens(training: bool):
    model = torch.nn.Sequential(torch.nn.Dropout(), torch.nn.Sequential(torch.nn.Dropout()))
    model[1].eval()
    before = [part.training for part in model.modules()]
    with pytest.raises(KeyboardInterrupt), in_mode(model, training=training):
        assert {part.training for part in model.modules()} == {training}
        raise KeyboardInterrupt
    assert [part.training for part in model.modules()] == before == [True, True, False, False]
