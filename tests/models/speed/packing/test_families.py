"""Packed batches give the vectors and the gradients of padded ones, for every family that can be packed."""

from collections.abc import Callable, Sequence

import pytest
import torch
from families import FAMILIES, UNPACKED

from embedtune.models.encode.batching import BatchLayout, Packed, Padded
from embedtune.models.encode.tokenizer import Tokenizer, forward
from embedtune.models.encoder import Encoder, Role

Family = Callable[[str], Encoder]
PACKED = [name for name in FAMILIES if name not in UNPACKED]
LONG = "How do I reset my password? 비밀번호를 잊어버렸어요. " * 12  # longer than any model here reads


@pytest.fixture(scope="module")
def many(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Texts of very different lengths: an empty one, one letter, duplicates, cut ones, Korean."""
    return ("", "a", "한", *texts, "a", LONG, texts[0], LONG[:90])


def vectors(encoder: Encoder, texts: Sequence[str], role: Role, kind: type[Packed] | type[Padded]) -> torch.Tensor:
    read = Tokenizer(encoder).tokenize(texts, role)
    features = kind(read.ids, BatchLayout.of(encoder, role)).features(range(len(texts)))
    assert ("places" in features) == (kind is Packed)
    return forward(encoder.model, features)


@pytest.mark.parametrize("name", PACKED)
def test_vectors_and_gradients_are_those_of_padded_batches(name: str, family: Family, many: tuple[str, ...]):
    encoder = family(name)
    reader = Tokenizer(encoder)
    assert (reader.way, reader.reason) == ("packed", "")
    weights = [weight for weight in encoder.model.parameters() if weight.requires_grad]
    towards = torch.randn(len(many), 32, generator=torch.Generator().manual_seed(0))
    results = []
    for kind in (Packed, Padded):
        found = vectors(encoder, many, "query", kind)
        results.append((found, torch.autograd.grad((found * towards).sum(), weights, allow_unused=True)))
    (ours, our_gradients), (theirs, their_gradients) = results
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)
    whole = torch.stack([gradient.norm() for gradient in their_gradients if gradient is not None]).norm()
    for mine, yours in zip(our_gradients, their_gradients, strict=True):
        assert (mine is None) == (yours is None)
        if mine is not None:
            # Of a bias that changes nothing, as that of keys in BERT, both gradients are rounding of 0.
            assert (mine - yours).norm() <= 1e-4 * yours.norm() + 1e-6 * whole


@pytest.mark.parametrize("name", PACKED)
def test_vectors_are_those_of_each_text_alone_by_the_models_own_preprocessing(
    name: str, family: Family, many: tuple[str, ...]
):
    encoder = family(name)
    with torch.no_grad():
        found = vectors(encoder, many, "document", Packed)
        for text, vector in zip(many, found, strict=True):
            alone = encoder.model(encoder.model.preprocess([text], prompt=encoder.prompts["document"]))
            torch.testing.assert_close(vector[None], alone["sentence_embedding"], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", UNPACKED)
def test_what_cannot_be_packed_is_padded_and_says_why(name: str, family: Family, many: tuple[str, ...]):
    encoder = family(name)
    reader = Tokenizer(encoder)
    assert reader.way == "padded" and type(encoder.model.transformers_model).__name__ in reader.reason
    with torch.no_grad():
        found = forward(encoder.model, reader.tokenize(many, "query").features([1, 5]))
        expected = encoder.model(encoder.model.preprocess([many[1], many[5]], prompt=encoder.prompts["query"]))
    torch.testing.assert_close(found, expected["sentence_embedding"])


@pytest.mark.parametrize("name", ["bert", "qwen3", "roberta"])
def test_without_the_prompt_in_the_pool(name: str, family: Family, many: tuple[str, ...]):
    encoder = family(name)
    encoder.model[1].include_prompt = False
    try:
        with torch.no_grad():
            ours, theirs = (vectors(encoder, many, "query", kind) for kind in (Packed, Padded))
    finally:
        encoder.model[1].include_prompt = True
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("mode", ["cls", "lasttoken", "max", "mean", "mean_sqrt_len_tokens", "weightedmean"])
def test_every_way_of_pooling(mode: str, family: Family, many: tuple[str, ...]):
    encoder = family("modernbert")
    before, encoder.model[1].pooling_mode = encoder.model[1].pooling_mode, mode
    try:
        with torch.no_grad():
            ours, theirs = (vectors(encoder, many, "query", kind) for kind in (Packed, Padded))
    finally:
        encoder.model[1].pooling_mode = before
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


def test_a_padding_token_written_out_in_a_text_counts_as_it_does_in_padded_batches(family: Family):
    texts = ("before [PAD] after", "[PAD] [PAD] a b", "a b c d")
    for name in ("roberta", "bert"):
        encoder = family(name)
        with torch.no_grad():
            ours, theirs = (vectors(encoder, texts, "query", kind) for kind in (Packed, Padded))
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


def test_the_order_and_the_company_change_nothing(family: Family, many: tuple[str, ...]):
    encoder = family("embedding-gemma")
    read = Tokenizer(encoder).tokenize(many, "query")
    with torch.no_grad():
        whole = forward(encoder.model, read.features(range(len(many))))
        for chosen in ([3], [4, 1, 4], [*range(len(many))][::-1]):
            torch.testing.assert_close(
                forward(encoder.model, read.features(chosen)), whole[chosen], atol=1e-5, rtol=1e-5
            )


def test_the_model_is_left_as_it_was(family: Family, many: tuple[str, ...]):
    encoder = family("qwen3")
    config = encoder.model.config
    before = (config._attn_implementation, config.to_json_string())
    forward(encoder.model, Tokenizer(encoder).tokenize(many, "query").features([0, 1]))
    assert (config._attn_implementation, config.to_json_string()) == before
