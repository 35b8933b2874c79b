"""Lower layers that stay as they are: which they are, that they stay, and what is refused."""

import pytest
import torch

from embedtune.errors import ConfigError
from embedtune.models.encode.tokenizer import Tokenizer, forward
from embedtune.models.encoder import Encoder
from embedtune.models.speed.frozen_layers import check_layers, frozen_layers, layers_of


def test_the_layers_are_those_of_the_transformer(bert: Encoder, starter: Encoder):
    inner = bert.model.transformers_model
    assert layers_of(bert.model) == [inner.encoder.layer[0], inner.encoder.layer[1]]
    assert layers_of(starter.model) == []


def test_what_is_below_does_not_learn_and_only_for_the_time_being(bert: Encoder, texts):
    model = bert.model.train()
    before = {name for name, one in model.named_parameters() if one.requires_grad}
    with frozen_layers(model, 1):
        during = {name for name, one in model.named_parameters() if one.requires_grad}
        model.train()
        lower = model.transformers_model.encoder.layer[0]
        assert not any(part.training for part in lower.modules()) and model.transformers_model.encoder.layer[1].training
        features = Tokenizer(bert).tokenize(texts, "query").features(range(len(texts)))
        forward(model, features).sum().backward()
        assert all(one.grad is None for name, one in model.named_parameters() if name in before - during)
    assert (
        before - during == {name for name in before if ".embeddings." in name or ".encoder.layer.0." in name} != set()
    )
    assert before == {name for name, one in model.named_parameters() if one.requires_grad}
    assert all(part.training for part in model.modules())
    assert model.eval() is model and not any(part.training for part in model.modules())


def test_without_dropout_below_a_text_always_has_the_same_output_there(bert: Encoder, texts):
    features = Tokenizer(bert).tokenize(texts, "query").features(range(len(texts)))
    found: list[torch.Tensor] = []
    layer = bert.model.transformers_model.encoder.layer[0]
    hook = layer.register_forward_hook(lambda module, inputs, output: found.append(output))
    bert.model.train()
    with frozen_layers(bert.model, 1):
        outer = [forward(bert.model, features) for _ in range(2)]
    hook.remove()
    assert torch.equal(*found) and not torch.equal(*outer)


@pytest.mark.parametrize(("name", "number", "match"), [("bert", 2, "has 2 layers"), ("starter", 1, "no layers")])
def test_too_many_layers_are_refused(name, number, match, request):
    encoder: Encoder = request.getfixturevalue(name)
    with pytest.raises(ConfigError, match=match) as caught:
        check_layers(encoder.model, number)
    assert caught.value.where == "training.freeze_layers"
