"""Which modules read a text, which way it takes, and how much of it is read."""

from pathlib import Path

import numpy as np
import pytest
from zoo import SHAPES, make

from embedtune.config.sections.encoder import EncoderSection
from embedtune.errors import ModelError
from embedtune.models.encode.encode import encode
from embedtune.models.encode.lengths import limit_of, token_counts, truncation
from embedtune.models.encoder import Encoder
from embedtune.models.files.load import load_encoder
from embedtune.models.files.save import save_encoder
from embedtune.models.reading import max_length, reader_of, task_of

LONG = "password refund address " * 30


def loaded(name: str, folder: Path, **section) -> Encoder:
    return load_encoder(EncoderSection(name=str(make(SHAPES[name], folder)), **section), device="cpu")


@pytest.mark.parametrize(
    ("name", "tasks"),
    [
        ("bert-mean", ("query", "document")),
        ("router-last", ("query", "document")),
        ("router-mapped", ("query", "document")),
        ("router-of-documents-named-doc", ("query", "doc")),
    ],
)
def test_the_task_is_the_one_that_the_routers_know(name: str, tasks: tuple[str, str], tmp_path: Path):
    model = loaded(name, tmp_path).model
    assert (task_of(model, "query"), task_of(model, "document")) == tasks


def test_towers_keep_their_own_lengths_and_tokenizers(tmp_path: Path):
    encoder = loaded("router-first-lengths-of-their-own", tmp_path)
    lengths = [max_length(reader_of(encoder.model, role)) for role in ("query", "document")]
    assert lengths == [24, 48]
    cut = [truncation(encoder, [LONG], role) for role in ("query", "document")]
    assert [one.max_length for one in cut] == lengths
    assert [one.lost for one in cut] == [token_counts(encoder, [LONG], "query")[0] - length for length in lengths]


def test_an_asked_length_holds_for_every_tower(tmp_path: Path):
    encoder = loaded("router-first-static-queries", tmp_path, max_length=10)
    for role in ("query", "document"):
        assert max_length(reader_of(encoder.model, role)) == 10
    ids = reader_of(encoder.model, "query").tokenizer.encode(LONG, add_special_tokens=False).ids
    rows = reader_of(encoder.model, "query").embedding.weight.detach().numpy()[ids]  # (10, D)
    assert len(ids) == 10
    np.testing.assert_allclose(encode(encoder, [LONG], role="query", normalise=False)[0], rows.mean(axis=0), atol=1e-6)


def test_a_starter_reads_no_more_than_it_is_told_wherever_it_is_loaded(texts: tuple[str, ...], tmp_path: Path):
    from sentence_transformers import SentenceTransformer

    whole = load_encoder(EncoderSection(), device="cpu", texts=texts)
    short = load_encoder(EncoderSection(max_length=8), device="cpu", texts=texts)
    assert (whole.max_length, short.max_length) == (None, 8)
    assert truncation(whole, texts, "document") is None
    assert truncation(short, texts, "document").cut == sum(token_counts(short, texts, "document") > 8) > 0
    table = short.model[0].embedding.weight.detach().numpy()  # (V, D), the same as without a limit
    np.testing.assert_array_equal(table, whole.model[0].embedding.weight.detach().numpy())
    kept = [whole.model.tokenizer.encode(text, add_special_tokens=False).ids[:8] for text in texts]
    expected = np.stack([table[ids].mean(axis=0) for ids in kept])  # (n, D)
    save_encoder(short, tmp_path / "short")
    back = load_encoder(EncoderSection(name=str(tmp_path / "short")), device="cpu")
    for vectors in (
        encode(short, texts, role="document", normalise=False),
        SentenceTransformer(str(tmp_path / "short"), device="cpu").encode(list(texts)),
        encode(back, texts, role="query", normalise=False),
    ):
        np.testing.assert_allclose(vectors, expected, atol=1e-6)


def test_a_limit_that_nothing_reaches_changes_no_bit(texts: tuple[str, ...]):
    whole = load_encoder(EncoderSection(), device="cpu", texts=texts)
    roomy = load_encoder(EncoderSection(max_length=500), device="cpu", texts=texts)
    np.testing.assert_array_equal(encode(whole, texts, role="query"), encode(roomy, texts, role="query"))


def test_routes_of_different_sizes_are_refused(tmp_path: Path):
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Dense, Router

    model = SentenceTransformer(str(make(SHAPES["bert-mean"], tmp_path)), device="cpu")
    model.append(Router.for_query_document([Dense(16, 4)], [Dense(16, 8)]))
    model.save(str(tmp_path / "uneven"), create_model_card=False)
    with pytest.raises(ModelError, match="gives queries 4 dimensions and documents 8"):
        load_encoder(EncoderSection(name=str(tmp_path / "uneven")), device="cpu")


def test_the_limit_of_a_role_is_that_of_its_tower(tmp_path: Path):
    encoder = loaded("router-first-static-queries", tmp_path)
    assert (limit_of(encoder, "query"), limit_of(encoder, "document"), encoder.max_length) == (None, 48, None)
