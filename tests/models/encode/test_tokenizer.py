"""What is read once gives the vectors of the model's own preprocessing, for every kind of encoder."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from embedtune.config.sections.encoder import EncoderSection
from embedtune.models.encode.tokenizer import TokenizedSubset, Tokenizer, forward
from embedtune.models.encoder import Encoder, Role, readable
from embedtune.models.files.load import load_encoder

PROMPTS = {"query": "Represent the question: ", "document": "문서: "}
ROLES: tuple[Role, ...] = ("query", "document")


@pytest.fixture
def prompted(bert_folder: Path) -> Encoder:
    return load_encoder(EncoderSection(name=str(bert_folder), prompts=PROMPTS), device="cpu")


@pytest.fixture
def towers(bert_folder: Path, tmp_path: Path) -> Encoder:
    """Two towers, the documents' with other weights."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Router

    one, two = (SentenceTransformer(str(bert_folder), device="cpu") for _ in range(2))
    with torch.no_grad():
        two[0].model.embeddings.word_embeddings.weight.mul_(-1)
    SentenceTransformer(modules=[Router.for_query_document(list(one), list(two))], device="cpu").save(str(tmp_path))
    return load_encoder(EncoderSection(name=str(tmp_path), prompts=PROMPTS), device="cpu")


def theirs(encoder: Encoder, texts: Sequence[str], role: Role) -> torch.Tensor:
    """Vectors by the model's own preprocessing, one text at a time, so that nothing is padded."""
    route = {"task": role} if Tokenizer(encoder).way == "texts" else {}
    prompt = encoder.prompts[role] or None
    parts = [encoder.model.preprocess([readable(text)], prompt=prompt, **route) for text in texts]
    return torch.cat([encoder.model(part)["sentence_embedding"] for part in parts])


def check(encoder: Encoder, texts: Sequence[str]) -> None:
    encoder.model.eval()
    chosen = [3, 0, len(texts) - 1, 0, *range(len(texts))]
    for role in ROLES:
        readings = Tokenizer(encoder).tokenize(texts, role)
        found = forward(encoder.model, readings.features(chosen))
        torch.testing.assert_close(found, theirs(encoder, [texts[i] for i in chosen], role), atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(forward(encoder.model, readings.features([1])), theirs(encoder, [texts[1]], role))


HARD = ("", "a", "한", "a\ud83db", "  ", "How do I reset my password? 비밀번호 " * 40)


@pytest.mark.parametrize("pooled", [True, False])
def test_a_transformer_with_prompts(prompted: Encoder, texts, pooled: bool):
    prompted.model.set_pooling_include_prompt(pooled)
    check(prompted, texts + HARD)


@pytest.mark.parametrize("kind", ["bert", "starter", "towers"])
def test_every_kind_of_encoder(kind: str, texts, request: pytest.FixtureRequest):
    # A text without tokens has no vector of its own in a static encoder's mean, but zeros; that must hold too.
    check(request.getfixturevalue(kind), texts + HARD)


def test_lora(bert_folder: Path, texts):
    pytest.importorskip("peft")
    from embedtune.config.sections.encoder import Lora

    encoder = load_encoder(EncoderSection(name=str(bert_folder), prompts=PROMPTS, lora=Lora(rank=4)), device="cpu")
    with torch.no_grad():
        for name, weight in encoder.model.named_parameters():
            if "lora_B" in name:
                weight.fill_(0.1)
    assert Tokenizer(encoder).way == "packed"
    check(encoder, texts + HARD)


@pytest.mark.parametrize("kind", ["prompted", "starter", "towers"])
def test_lengths_are_tokens_read(kind: str, texts, request: pytest.FixtureRequest):
    encoder = request.getfixturevalue(kind)
    some = tuple(text for text in texts + HARD if text.strip())
    for role in ROLES:
        route = {"task": role} if kind == "towers" else {}
        prompt = encoder.prompts[role] or None
        alone = [encoder.model.preprocess([readable(text)], prompt=prompt, **route)["input_ids"] for text in some]
        assert Tokenizer(encoder).tokenize(some, role).lengths.tolist() == [ids.numel() for ids in alone]


def test_the_maximum_length_is_that_of_the_moment_of_reading(prompted: Encoder, texts):
    prompted.model.max_seq_length = 9
    lengths = Tokenizer(replace(prompted, max_length=9)).tokenize(texts, "query").lengths
    assert lengths.max() == 9
    check(prompted, texts + HARD)


def test_many_texts_are_read_in_pieces(prompted: Encoder, texts, monkeypatch: pytest.MonkeyPatch):
    whole = Tokenizer(prompted).tokenize(texts, "query")
    told = []
    monkeypatch.setattr("embedtune.models.encode.token_ids.AT_ONCE", 5)
    pieces = Tokenizer(prompted).tokenize(texts, "query", progress=lambda done, total: told.append((done, total)))
    assert told == [(5, 12), (10, 12), (12, 12)]
    np.testing.assert_array_equal(pieces.lengths, whole.lengths)
    one, other = (reading.features(range(12)) for reading in (pieces, whole))
    assert torch.equal(one["input_ids"], other["input_ids"])


def test_no_texts_have_no_lengths(prompted: Encoder, starter: Encoder):
    for encoder in (prompted, starter):
        assert len(Tokenizer(encoder).tokenize([], "query").lengths) == 0


def test_a_transformer_is_packed_and_towers_are_not(prompted: Encoder, starter: Encoder, towers: Encoder):
    readers = [Tokenizer(encoder) for encoder in (prompted, starter, towers)]
    assert [reader.way for reader in readers] == ["packed", "flat", "texts"]
    assert [bool(reader.reason) for reader in readers] == [False, False, True]


def test_cost_counts_padding_where_there_is_some(bert: Encoder, starter: Encoder, towers: Encoder):
    assert Tokenizer(bert).cost([2, 9]) == 11
    assert Tokenizer(starter).cost([2, 9]) == 11
    assert Tokenizer(towers).cost([2, 9]) == 18
    assert Tokenizer(towers).cost([]) == 0


def test_texts_without_any_token(prompted: Encoder, texts):
    """They lie nowhere in a row of tokens; the batch is padded then."""
    from tokenizers.processors import TemplateProcessing

    prompted.model.tokenizer.backend_tokenizer.post_processor = TemplateProcessing(single="$A", special_tokens=[])
    bare = replace(prompted, prompts={"query": "", "document": ""})
    readings = Tokenizer(bare).tokenize(("", "a b", "", texts[0]), "query")
    assert Tokenizer(bare).way == "packed" and readings.lengths.tolist()[::2] == [0, 0]
    bare.model.eval()
    for chosen in ([0, 1, 3, 2], [1, 3]):
        features = readings.features(chosen)
        assert ("places" in features) == (0 not in chosen)
        vectors = forward(bare.model, features)
        expected = bare.model(bare.model.preprocess([("", "a b", "", texts[0])[i] for i in chosen]))
        torch.testing.assert_close(vectors, expected["sentence_embedding"], atol=1e-5, rtol=1e-5)


def test_settings_of_the_processor_leave_it_to_the_model(prompted: Encoder, texts):
    prompted.model[0].processing_kwargs = {"text": {"max_length": 7}}
    reader = Tokenizer(prompted)
    assert reader.way == "texts" and "own" in reader.reason
    check(prompted, texts + HARD)


def test_token_types_that_tell_something_are_kept(prompted: Encoder, texts):
    from tokenizers.processors import TemplateProcessing

    prompted.model.tokenizer.model_input_names = ["input_ids", "token_type_ids", "attention_mask"]
    assert "token_type_ids" in Tokenizer(prompted).tokenize(texts, "query").features([0])
    prompted.model.tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="[CLS]:1 $A:1 [SEP]:0", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    features = Tokenizer(prompted).tokenize(texts, "query").features([0])
    assert features["token_type_ids"][0].unique().tolist() == [0, 1]
    check(prompted, texts + HARD)


def test_gradients_are_those_of_the_models_own_way(prompted: Encoder, texts):
    prompted.model.eval()
    weight = prompted.model[0].model.embeddings.word_embeddings.weight
    expected = torch.autograd.grad(theirs(prompted, texts, "query").square()[:, :5].sum(), weight)[0]
    readings = Tokenizer(prompted).tokenize(texts, "query")
    vectors = forward(prompted.model, readings.features(range(len(texts))))
    found = torch.autograd.grad(vectors.square()[:, :5].sum(), weight)[0]
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["prompted", "starter", "towers"])
def test_some_of_what_was_read_is_as_if_it_alone_had_been(kind: str, texts, request: pytest.FixtureRequest):
    encoder, numbers = request.getfixturevalue(kind), np.array([4, 1, 1, 9])
    some = TokenizedSubset(Tokenizer(encoder).tokenize(texts, "query"), numbers)
    alone = Tokenizer(encoder).tokenize([texts[i] for i in numbers], "query")
    np.testing.assert_array_equal(some.lengths, alone.lengths)
    for chosen in ([0, 1, 2, 3], [3, 0]):
        found, expected = some.features(chosen), alone.features(chosen)
        assert found.keys() == expected.keys()
        assert all(np.array_equal(found[key], expected[key]) for key in expected)
