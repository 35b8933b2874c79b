"""Models that cannot be packed are found out by their parts or by trying, and say why."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from embedtune.models.encode.tokenizer import Tokenizer, forward
from embedtune.models.encoder import Encoder
from embedtune.models.speed.packing import attention, eligible
from embedtune.models.speed.packing.band import Band


def padded_because(encoder: Encoder, words: str, texts: tuple[str, ...]) -> None:
    reader = Tokenizer(encoder)
    assert reader.way == "padded" and words in reader.reason
    encoder.model.eval()
    with torch.no_grad():
        found = forward(encoder.model, reader.tokenize(texts, "query").features([2, 0]))
        expected = encoder.model(encoder.model.preprocess([texts[2], texts[0]]))["sentence_embedding"]
    torch.testing.assert_close(found, expected)


def test_modules_that_want_one_row_a_text(bert: Encoder, texts: tuple[str, ...]):
    from sentence_transformers.sentence_transformer.modules import Pooling

    class Own(Pooling):
        """May do anything with its tokens."""

    bert.model[1] = Own(32)
    padded_because(bert, "one row per text", texts)


def test_layers_run_again_going_backward(bert: Encoder, texts: tuple[str, ...]):
    bert.model.transformers_model.gradient_checkpointing_enable()
    padded_because(bert, "gradient checkpointing", texts)


def test_positions_that_cannot_be_told(bert: Encoder, texts: tuple[str, ...], monkeypatch: pytest.MonkeyPatch):
    inner = bert.model.transformers_model
    own = type(inner).forward
    monkeypatch.setattr(
        type(inner), "forward", lambda self, input_ids, attention_mask, **_: own(self, input_ids, attention_mask)
    )
    padded_because(bert, "not accept position ids", texts)


def test_other_vectors_are_noticed_once(bert: Encoder, texts: tuple[str, ...], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(attention, "band_of", lambda *_: Band(0, 0))  # every token sees itself alone
    padded_because(bert, "other vectors", texts)
    monkeypatch.setattr(eligible, "_compare", lambda *_: pytest.fail("a second time"))
    assert Tokenizer(bert).way == "padded"


def test_an_attention_that_hands_over_more_is_noticed(
    bert: Encoder, texts: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
):
    class Biased(nn.Module):
        def __init__(self, inner: nn.Module) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, *given: object, **named: object) -> object:
            return self.inner(*given, **named, position_bias=torch.zeros(1))

    for layer in bert.model.transformers_model.encoder.layer:
        layer.attention.self = Biased(layer.attention.self)
    reader = Tokenizer(bert)
    assert reader.way == "padded" and "position_bias" in reader.reason


@pytest.mark.parametrize("training", [True, False])
def test_trying_leaves_the_model_in_its_mode_and_no_draw_behind(training: bool, bert: Encoder):
    bert.model.train(training)
    before = torch.get_rng_state()
    assert Tokenizer(bert).way == "packed"
    assert all(part.training == training for part in bert.model.modules())
    assert torch.equal(torch.get_rng_state(), before)


def test_attention_is_switched_back_when_the_model_fails(bert: Encoder, texts: tuple[str, ...]):
    features = Tokenizer(bert).tokenize(texts, "query").features([0, 1])
    before = bert.model.config._attn_implementation
    features["input_ids"] = features["input_ids"] + 1_000_000
    with pytest.raises(IndexError):
        forward(bert.model, features)
    assert bert.model.config._attn_implementation == before


def test_a_wrapped_model_is_packed_too(bert: Encoder, texts: tuple[str, ...]):
    class Wrapper(nn.Module):
        def __init__(self, module: Callable[..., object]) -> None:
            super().__init__()
            self.module = module

        def forward(self, *given: object) -> object:
            return self.module(*given)

    bert.model.eval()
    features = Tokenizer(bert).tokenize(texts, "query").features([2, 0, 1])
    torch.testing.assert_close(forward(Wrapper(bert.model), features), forward(bert.model, features))
