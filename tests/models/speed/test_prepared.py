"""Layers made ready for encoding give the vectors of torch's own, with GELU applied once, and are restored."""

from dataclasses import replace

import pytest
import torch
from families import make_family

from embedtune.models.encode.encode import encode
from embedtune.models.encoder import Encoder
from embedtune.models.speed.prepared import prepared

MULTIPLIES = "embedtune.models.speed.precision.multiplies_bf16"


@pytest.fixture
def hardware(monkeypatch: pytest.MonkeyPatch):
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        pytest.skip("oneDNN has no bf16 products for this processor")
    monkeypatch.setattr(MULTIPLIES, lambda device: True)


def classes(encoder: Encoder) -> list[type]:
    return [type(module) for module in encoder.model.modules()]


def reading(encoder: Encoder) -> torch.Tensor:
    """What the transformer makes of a few tokens, padded."""
    ids = torch.arange(5, 17).view(2, 6)
    inner = encoder.model.transformers_model
    return inner(input_ids=ids, attention_mask=torch.ones_like(ids))[0]


@pytest.mark.parametrize("name", ["bert", "mpnet", "modernbert"])
def test_the_same_as_torchs_own_layers(name: str, hardware, bare_folder, tmp_path):
    encoder = make_family(name, bare_folder, tmp_path / name)
    encoder.model.eval()
    before = classes(encoder)
    with torch.inference_mode():
        exact = reading(encoder)
        with torch.autocast("cpu", torch.bfloat16):
            expected = reading(encoder)
            with prepared(encoder.model, "bf16"):
                ready = sum(kind.__name__ == "_Prepared" for kind in classes(encoder))
                assert ready == sum(kind is torch.nn.Linear for kind in before)
                fused = sum(kind.__name__ == "_Done" for kind in classes(encoder))
                found = reading(encoder)
    assert (fused > 0) == (name != "modernbert")
    off, theirs = ((x.float() - exact).norm() / exact.norm() for x in (found, expected))
    assert 0 < off < 1.5 * theirs
    assert classes(encoder) == before and not any("ready" in vars(part) for part in encoder.model.modules())


def test_where_gradients_are_wanted_they_are_torchs_own_layers(hardware, bert: Encoder):
    bert.model.eval()
    with torch.autocast("cpu", torch.bfloat16):
        expected = reading(bert)
        with prepared(bert.model, "bf16"):
            found = reading(bert)
    torch.testing.assert_close(found, expected, rtol=0, atol=0)
    found.float().square().sum().backward()


@pytest.mark.parametrize("products", ["fp32", "fp16"])
def test_other_precisions_change_nothing(products: str, hardware, bert: Encoder):
    before = classes(bert)
    with prepared(bert.model, products):
        assert classes(bert) == before


def test_an_error_while_encoding_leaves_the_layers_as_they_were(hardware, bert: Encoder):
    before = classes(bert)
    with pytest.raises(ZeroDivisionError), prepared(bert.model, "bf16"):
        raise ZeroDivisionError
    assert classes(bert) == before


def test_vectors_stay_those_of_float32(hardware, bert: Encoder, texts: tuple[str, ...]):
    full, half = (encode(one, texts, role="query") for one in (bert, replace(bert, products="bf16")))
    assert (full * half).sum(axis=1).min() > 0.9995 and (full != half).any()


def test_copies_on_other_devices_are_made_of_torchs_own_layers(hardware, bert: Encoder, texts: tuple[str, ...]):
    alone, helped = replace(bert, products="bf16"), replace(bert, products="bf16", helpers=("cpu",))
    vectors = [encode(one, texts, role="query") for one in (alone, helped)]
    assert (vectors[0] * vectors[1]).sum(axis=1).min() > 0.9995
