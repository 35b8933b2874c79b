"""Tokens that texts are written with: by static encoders and transformers, in Korean, and who has none."""

from dataclasses import replace

import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Router

from embedtune.errors import ConfigError
from embedtune.models.files.vocabulary import check_vocabulary, token_vectors, written_tokens

TEXTS = ["비밀번호를 잊었어요", "", "How do I reset my password?", "half \ud83d a character"]


@pytest.mark.parametrize("name", ["bert", "starter"])
def test_tokens_are_those_of_the_tokenizer_without_prompt_and_special_ones(name, request):
    encoder = request.getfixturevalue(name)
    encoder = replace(encoder, prompts={"query": "query: ", "document": ""}, max_length=5)
    found = written_tokens(encoder, TEXTS)
    tokenizer = getattr(encoder.model.tokenizer, "backend_tokenizer", encoder.model.tokenizer)
    for number, text in enumerate(TEXTS):
        wanted = tokenizer.encode(text.replace("\ud83d", "?"), add_special_tokens=False).ids[:5]
        assert found.ids[found.starts[number] : found.starts[number + 1]].tolist() == wanted
    assert found.lengths[1] == 0 and found.lengths.max() == 5


@pytest.mark.parametrize("name", ["bert", "starter"])
def test_their_vectors_are_the_encoders_own_and_learn(name, request):
    encoder = request.getfixturevalue(name)
    vectors = token_vectors(encoder)
    assert any(vectors is one for one in encoder.model.parameters()) and vectors.requires_grad
    assert written_tokens(encoder, TEXTS).ids.max() < len(vectors)


def test_no_texts_have_no_tokens(starter):
    assert len(written_tokens(starter, []).ids) == 0


def test_other_modules_for_queries_and_documents_are_refused(starter):
    towers = Router.for_query_document(query_modules=[starter.model[0]], document_modules=[starter.model[0]])
    encoder = replace(starter, name="towers", model=SentenceTransformer(modules=[towers], device="cpu"))
    with pytest.raises(ConfigError, match="towers encodes queries and documents with different modules"):
        written_tokens(encoder, TEXTS)


def test_a_model_without_vectors_of_tokens_is_refused(starter):
    class Odd(torch.nn.Module):
        tokenizer = None

    encoder = replace(starter, name="odd", model=SentenceTransformer(modules=[Odd()], device="cpu"))
    with pytest.raises(ConfigError, match=r"odd has no token vectors \(Odd\)") as caught:
        check_vocabulary(encoder)
    assert "embedtune losses" in caught.value.next
