"""What is held of a batch: all that was asked for, or what was measured to fit."""

import pytest
import torch

from embedtune.models.encode.tokenizer import Tokenizer
from embedtune.training.step.held import PACKS, Held, measured


def test_what_a_recipe_asks_for():
    assert Held.asked(None) == Held.asked("auto") == Held(None, None)
    assert Held.asked(300) == Held(300, 300)


@pytest.mark.parametrize(
    ("held", "tokens", "most"), [((None, None), 900, 900), ((400, 100), 400, 400), ((400, 100), 401, 100)]
)
def test_a_batch_that_fits_is_encoded_at_once_and_another_in_parts(held, tokens, most):
    assert Held(*held).most(tokens) == most


@pytest.mark.parametrize("kind", ["bert", "starter"])
def test_as_many_tokens_as_their_activations_fit(kind, pairs, request, monkeypatch):
    """Twice the memory holds twice the tokens; the longest texts of either role are what is measured."""
    encoder = request.getfixturevalue(kind)
    encoder.model.eval()
    reader = Tokenizer(encoder)
    readings = [reader.tokenize(pairs.anchors, "query"), reader.tokenize(pairs.positives, "document")]
    found = []
    for allowed in (10**6, 2 * 10**6):
        monkeypatch.setattr("embedtune.training.step.held.allowed_bytes", lambda device, allowed=allowed: allowed)
        state = torch.get_rng_state()
        found.append(measured(encoder, reader, readings, "fp32"))
        assert torch.equal(torch.get_rng_state(), state)
    one, two = found
    assert one.tokens and one.micro_batch == one.tokens // PACKS
    assert two.tokens in (2 * one.tokens, 2 * one.tokens + 1)
    # Each layer of the tiny BERT keeps more than its input, 32 numbers of 4 bytes; a static encoder a token's id.
    assert one.tokens < 10**6 / (2 * 32 * 4 if kind == "bert" else 8)
    assert not any(part.training for part in encoder.model.modules())
