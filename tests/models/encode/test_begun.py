"""Texts that go on from above the first layers: the vectors of the whole encoder, in any batch."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from embedtune.errors import OutputError
from embedtune.models.encode.begun import Begun, begin
from embedtune.models.encode.encode import encode
from embedtune.models.encode.tokenizer import Tokenizer, forward
from embedtune.models.encoder import Encoder
from embedtune.models.speed.frozen_layers import lower_output
from embedtune.models.speed.precision import multiplying

TEXTS = ["one", "two words here", "세 단어로 된 글", "a text that is somewhat longer than the others", "one more", ""]


def tokenized(encoder: Encoder):
    return Tokenizer(encoder).tokenize(TEXTS, "document")


@pytest.mark.parametrize("chosen", [range(len(TEXTS)), [3], [4, 1, 1, 0]])
def test_batches_have_the_vectors_of_the_whole_encoder(chosen, bert: Encoder, tmp_path):
    whole = tokenized(bert)
    begun = begin(bert, 1, whole, tmp_path / "layers", "fp32")
    assert isinstance(begun, Begun) and not list(tmp_path.iterdir())
    assert begun.lengths.tolist() == whole.lengths.tolist()
    bert.model.eval()
    with torch.inference_mode():
        expected, found = (forward(bert.model, one.features(list(chosen))) for one in (whole, begun))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def test_only_the_layers_above_are_computed(bert: Encoder, tmp_path):
    begun = begin(bert, 1, tokenized(bert), tmp_path / "layers", "fp32")
    assert begun is not None
    before = forward(bert.model.eval(), begun.features([0, 1]))
    with torch.no_grad():
        for one in bert.model.transformers_model.encoder.layer[0].parameters():
            one.zero_()
    assert torch.equal(forward(bert.model, begun.features([0, 1])), before)


def test_gradients_are_those_of_the_whole_encoder(bert: Encoder, tmp_path):
    whole = tokenized(bert)
    begun = begin(bert, 1, whole, tmp_path / "layers", "fp32")
    upper = list(bert.model.transformers_model.encoder.layer[1].parameters())
    bert.model.eval()
    found = [torch.autograd.grad(forward(bert.model, one.features([0, 3])).sum(), upper) for one in (whole, begun)]
    for expected, ours in zip(*found, strict=True):
        torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-5)


def test_encoding_takes_them_too(bert: Encoder, tmp_path):
    begun = begin(bert, 1, tokenized(bert), tmp_path / "layers", "fp32")
    plain = encode(bert, TEXTS, role="document")
    np.testing.assert_allclose(encode(bert, TEXTS, role="document", known=begun), plain, atol=1e-5)


def test_numbers_in_float16_are_within_their_bound(bert: Encoder, tmp_path):
    whole = tokenized(bert)
    begun = begin(bert, 1, whole, tmp_path / "layers", "bf16")
    assert isinstance(begun, Begun) and begun.outputs.dtype == np.float16
    bert.model.eval()
    with torch.inference_mode(), multiplying("bf16", "cpu"):
        # In the batch in which they were computed: in bf16 another batch may round otherwise.
        order = np.argsort(-whole.lengths, kind="stable").tolist()
        exact = lower_output(bert.model, 1, lambda: forward(bert.model, whole.features(order)))
    assert exact is not None
    off = (begun.features(order)["hidden"] - exact).abs()
    assert bool((off <= exact.abs() / 2048 + 1e-7).all()) and bool(off.any())


def test_without_room_or_without_packing_texts_stay_as_they_are(bert: Encoder, starter: Encoder, tmp_path, monkeypatch):
    assert begin(starter, 1, Tokenizer(starter).tokenize(TEXTS, "query"), tmp_path / "layers", "fp32") is None
    monkeypatch.setattr("embedtune.models.encode.begun.shutil.disk_usage", lambda _: SimpleNamespace(free=1000))
    assert begin(bert, 1, tokenized(bert), tmp_path / "layers", "fp32") is None
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_named(bert: Encoder, tmp_path):
    (tmp_path / "layers").mkdir()
    with pytest.raises(OutputError) as caught:
        begin(bert, 1, tokenized(bert), tmp_path / "layers", "fp32")
    assert caught.value.where == str(tmp_path / "layers")
