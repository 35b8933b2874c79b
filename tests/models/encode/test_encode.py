"""`encode` gives what sentence-transformers' own encode gives, for every kind of model, in any order and batches."""

from pathlib import Path

import numpy as np
import pytest
import torch

from embedtune.config.sections.encoder import EncoderSection
from embedtune.errors import Interrupted, ModelError
from embedtune.models.encode import compute
from embedtune.models.encode.encode import encode, encode_to_file
from embedtune.models.encode.store import VectorStore
from embedtune.models.encode.tokenizer import TokenizedTexts, Tokenizer
from embedtune.models.files.load import Encoder, load_encoder

PROMPTS = {"query": "Represent the question: ", "document": "문서: "}


@pytest.fixture(params=["bert", "starter"])
def encoder(request: pytest.FixtureRequest) -> Encoder:
    loaded: Encoder = request.getfixturevalue(request.param)
    return loaded


@pytest.fixture
def prompted(bert_folder: Path) -> Encoder:
    return load_encoder(EncoderSection(name=str(bert_folder), prompts=PROMPTS), device="cpu")


def test_as_sentence_transformers_does(encoder: Encoder, texts: tuple[str, ...]):
    expected = encoder.model.encode(list(texts), normalize_embeddings=True)
    vectors = encode(encoder, texts, role="document")
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(texts), encoder.dimensions)
    np.testing.assert_allclose(vectors, expected, atol=1e-5)
    raw = encode(encoder, texts, role="document", normalise=False)
    np.testing.assert_allclose(raw, encoder.model.encode(list(texts)), atol=1e-5)


@pytest.mark.parametrize("pooled", [True, False])
@pytest.mark.parametrize("role", ["query", "document"])
def test_prompts_as_sentence_transformers_does(prompted: Encoder, texts: tuple[str, ...], role: str, pooled: bool):
    prompted.model.set_pooling_include_prompt(pooled)
    expected = prompted.model.encode(list(texts), prompt=PROMPTS[role], normalize_embeddings=True)
    np.testing.assert_allclose(encode(prompted, texts, role=role), expected, atol=1e-5)
    by_name = prompted.model.encode(list(texts), prompt_name=role, normalize_embeddings=True)
    np.testing.assert_allclose(by_name, expected, atol=1e-6)


def test_the_prompt_matters_and_so_does_pooling_it(prompted: Encoder, texts: tuple[str, ...]):
    queries, documents = (encode(prompted, texts, role=role) for role in ("query", "document"))
    assert np.abs(queries - documents).max() > 1e-3
    prompted.model.set_pooling_include_prompt(False)
    assert np.abs(encode(prompted, texts, role="query") - queries).max() > 1e-3


@pytest.mark.parametrize("batch_tokens", [1, 40, 100_000])
def test_batches_change_nothing(encoder: Encoder, texts: tuple[str, ...], monkeypatch, batch_tokens: int):
    many = [f"{text} {number}" for number in range(5) for text in texts]
    expected = np.vstack([encode(encoder, [text], role="query") for text in many])
    monkeypatch.setattr(compute, "suited_batch_tokens", lambda _: batch_tokens)
    np.testing.assert_allclose(encode(encoder, many, role="query"), expected, atol=1e-5)


def test_batches_are_by_tokens_with_padding(bert: Encoder, monkeypatch: pytest.MonkeyPatch):
    taken: list[list[int]] = []
    vectors = compute.batch_vectors

    def spy(encoder: Encoder, readings: TokenizedTexts, places: np.ndarray) -> np.ndarray:
        taken.append(readings.lengths[places].tolist())
        return vectors(encoder, readings, places)

    monkeypatch.setattr(compute, "batch_vectors", spy)
    monkeypatch.setattr(compute, "WINDOW", 150)
    texts = ["a " * length for length in range(1, 60)] * 2 + [f"b{number}" for number in range(300)]
    monkeypatch.setattr(compute, "suited_batch_tokens", lambda _: 256)
    encode(bert, texts, role="query")
    cost = Tokenizer(bert).cost
    assert sum(map(len, taken)) == len(set(texts))
    assert max(map(cost, taken)) <= 256
    # Nothing but the next window's first text, or one that is a little shorter than the last, was left out of a batch.
    assert sum(cost([*one, min(one)]) <= 256 for one in taken) <= 3
    assert max(map(len, taken)) > 16, "short texts must share large batches"


def test_windows_are_bounded_in_texts_and_bytes(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(compute, "WINDOW", 7)
    monkeypatch.setattr(compute, "WINDOW_BYTES", 100)
    texts = [*("가" * length for length in range(1, 60, 3)), *"abcdefghijklm"]
    chosen = range(1, len(texts))
    windows = [[len(texts[i].encode()) for i in window] for window in compute.windows_of(texts, chosen)]
    assert [size for sizes in windows for size in sizes] == sorted(
        (len(texts[i].encode()) for i in chosen), reverse=True
    )
    assert max(map(len, windows)) == 7
    assert all(sum(sizes[1:]) <= 100 for sizes in windows) and len(windows[0]) == 1


def test_a_text_longer_than_a_batch_is_one_of_its_own(bert: Encoder, monkeypatch):
    texts = ["가 나 다 라 마 바 사 " * 5, "one", "two"]
    expected = encode(bert, texts, role="query")
    monkeypatch.setattr(compute, "suited_batch_tokens", lambda _: 8)
    np.testing.assert_allclose(encode(bert, texts, role="query"), expected, atol=1e-5)


def test_each_distinct_text_once(bert: Encoder, monkeypatch: pytest.MonkeyPatch):
    seen: list[str] = []
    read = Tokenizer.tokenize
    monkeypatch.setattr(Tokenizer, "tokenize", lambda self, batch, role: seen.extend(batch) or read(self, batch, role))
    calls: list[tuple[int, int]] = []
    vectors = encode(
        bert,
        ["one", "two", "one", "one", "two"],
        role="query",
        progress=lambda done, total: calls.append((done, total)),
    )
    assert sorted(seen) == ["one", "two"]
    assert calls == sorted(calls) and calls[0] == (0, 2) and calls[-1] == (2, 2)
    np.testing.assert_array_equal(vectors[0], vectors[2])
    assert not np.array_equal(vectors[0], vectors[1])


@pytest.mark.parametrize("kind", ["prompted", "starter"])
@pytest.mark.parametrize("role", ["query", "document"])
def test_texts_read_before_have_the_same_vectors_to_the_bit(
    kind: str, role: str, texts: tuple[str, ...], tmp_path: Path, request, monkeypatch: pytest.MonkeyPatch
):
    """Repeated texts, several windows and batches; and what a store holds already is left out of the batches."""
    encoder = request.getfixturevalue(kind)
    monkeypatch.setattr(compute, "WINDOW", 5)
    monkeypatch.setattr(compute, "suited_batch_tokens", lambda _: 40)
    many = [*texts, texts[3], "half \ud83d a character", texts[0], "", "가 나" * 50]
    known = Tokenizer(encoder).tokenize(many, role)
    expected = encode(encoder, many, role=role)
    stores = [VectorStore(tmp_path / name) for name in ("one", "other")]
    for store in stores:
        encode(encoder, texts[2:9], role=role, store=store)
    rest = encode(encoder, many, role=role, store=stores[0])
    monkeypatch.setattr(Tokenizer, "tokenize", lambda *_: pytest.fail("the texts were tokenised again"))
    np.testing.assert_array_equal(encode(encoder, many, role=role, known=known), expected)
    found = encode(encoder, many, role=role, store=stores[1], known=known)
    np.testing.assert_array_equal(found, rest)


def test_the_caller_is_not_left_in_inference_mode(bert: Encoder):
    modes = []
    encode(bert, ["one", "two"], role="query", progress=lambda *_: modes.append(torch.is_inference_mode_enabled()))
    assert not any(modes)


def test_no_texts_no_vectors(encoder: Encoder):
    assert encode(encoder, [], role="query").shape == (0, encoder.dimensions)


@pytest.mark.parametrize("text", ["", "\x00", "half \ud83d a character", "가" * 100_000])
def test_any_text_gives_numbers(encoder: Encoder, text: str):
    assert np.isfinite(encode(encoder, [text, "plain"], role="query")).all()


def test_a_model_in_training_is_evaluated_and_trained_on(bert: Encoder, texts: tuple[str, ...]):
    expected = encode(bert, texts, role="query")
    bert.model.train()
    frozen = bert.model[1].eval()
    np.testing.assert_array_equal(encode(bert, texts, role="query"), expected)  # no dropout
    assert bert.model.training and bert.model[0].training and not frozen.training
    bert.model(bert.model.preprocess(["one"]))["sentence_embedding"].sum().backward()


def test_half_precision_models_give_float32(bert: Encoder, texts: tuple[str, ...]):
    full = encode(bert, texts, role="query")
    bert.model.bfloat16()
    half = encode(bert, texts, role="query")
    assert half.dtype == np.float32
    assert bert.precision == "bfloat16"
    np.testing.assert_allclose(half, full, atol=0.05)


@pytest.fixture
def bf16(bert_folder: Path) -> Encoder:
    return load_encoder(EncoderSection(name=str(bert_folder)), device="cpu", precision="bf16")


def test_bf16_products_give_nearly_the_same_vectors(bert: Encoder, bf16: Encoder, texts: tuple[str, ...]):
    full, half = (encode(encoder, texts, role="query") for encoder in (bert, bf16))
    assert half.dtype == np.float32
    assert 1e-5 < np.abs(half - full).max() < 0.02
    with torch.autocast("cpu", torch.bfloat16):
        expected = bf16.model.encode(list(texts), normalize_embeddings=True, convert_to_tensor=True)
    np.testing.assert_allclose(half, expected.float().numpy(), atol=0.01)


def test_precision_is_part_of_the_stores_key(bert: Encoder, bf16: Encoder, texts: tuple[str, ...], tmp_path: Path):
    for encoder in (bert, bf16):
        alone = encode(encoder, texts, role="query")
        for _ in range(2):
            stored = encode(encoder, texts, role="query", store=VectorStore(tmp_path))
            np.testing.assert_array_equal(stored, alone)


def test_no_number_is_an_error_that_names_a_text(encoder: Encoder):
    with torch.no_grad():
        next(encoder.model.parameters()).fill_(torch.nan)
    with pytest.raises(ModelError, match=r"NaN or infinity.*such as '한국어 문장'"):
        encode(encoder, ["한국어 문장"], role="query")
    assert not torch.is_inference_mode_enabled()


def test_truncated_dimensions_are_kept(bert: Encoder, texts: tuple[str, ...]):
    from dataclasses import replace

    bert.model.truncate_dim = 8
    short = replace(bert, dimensions=bert.model.get_embedding_dimension())
    np.testing.assert_allclose(
        encode(short, texts, role="query"), bert.model.encode(list(texts), normalize_embeddings=True), atol=1e-5
    )


def test_two_towers_are_told_apart(texts: tuple[str, ...], tmp_path: Path):
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Router

    from embedtune.models.files.starter import build_starter

    one, two = (build_starter(texts, seed=seed) for seed in (0, 1))
    SentenceTransformer(modules=[Router.for_query_document([one[0]], [two[0]])], device="cpu").save(str(tmp_path / "m"))
    encoder = load_encoder(EncoderSection(name=str(tmp_path / "m")), device="cpu")
    store = VectorStore(tmp_path / "store")
    for _ in range(2):  # computed, then from the store
        for role, tower in (("query", one), ("document", two)):
            expected = tower.encode(list(texts), normalize_embeddings=True)
            np.testing.assert_allclose(encode(encoder, texts, role=role, store=store), expected, atol=1e-5)


class TestWithStore:
    def test_what_is_there_is_not_computed_again(
        self, encoder: Encoder, texts: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        first = encode(encoder, texts[:5], role="query", store=VectorStore(tmp_path))
        both = encode(encoder, texts, role="query", store=VectorStore(tmp_path))
        np.testing.assert_allclose(both[:5], first, atol=1e-6)
        monkeypatch.setattr(encoder.model, "preprocess", None)  # any computing would fail now
        again = encode(encoder, texts[::-1], role="query", store=VectorStore(tmp_path))
        np.testing.assert_array_equal(again, both[::-1])

    def test_what_was_computed_before_an_interruption_is_kept(
        self, bert: Encoder, texts: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(compute, "suited_batch_tokens", lambda _: 1)
        store, done = VectorStore(tmp_path), []

        def interrupt(read: int, total: int) -> None:
            done.append(read)
            if 0 < read < total:
                raise KeyboardInterrupt

        with pytest.raises(Interrupted, match=str(tmp_path)):
            encode(bert, texts, role="document", store=store, progress=interrupt)
        found: list[int] = []
        encode(bert, texts, role="document", store=store, progress=lambda read, total: found.append(read))
        assert found[0] > 0

    def test_raw_and_normalised_share_what_is_stored(self, bert: Encoder, texts: tuple[str, ...], tmp_path: Path):
        raw = encode(bert, texts, role="query", store=VectorStore(tmp_path), normalise=False)
        unit = encode(bert, texts, role="query", store=VectorStore(tmp_path))
        np.testing.assert_allclose(unit, raw / np.linalg.norm(raw, axis=1, keepdims=True), atol=1e-6)

    def test_trained_weights_are_another_encoder(self, bert: Encoder, texts: tuple[str, ...], tmp_path: Path):
        before = encode(bert, texts, role="query", store=VectorStore(tmp_path))
        with torch.no_grad():
            bert.model[0].model.embeddings.word_embeddings.weight.mul_(1.5)
        after = encode(bert, texts, role="query", store=VectorStore(tmp_path))
        assert np.abs(after - before).max() > 1e-4
        np.testing.assert_array_equal(after, encode(bert, texts, role="query"))

    def test_length_and_prompt_are_part_of_the_key(self, bert_folder: Path, tmp_path: Path):
        text = ["a long text about passwords and refunds " * 5]
        vectors = [
            encode(
                load_encoder(EncoderSection(name=str(bert_folder), **options), device="cpu"),
                text,
                role="query",
                store=s,
            )
            for options in ({}, {"max_length": 8}, {"prompts": PROMPTS})
            for s in (VectorStore(tmp_path), None)
        ]
        for with_store, without in zip(vectors[::2], vectors[1::2], strict=True):
            np.testing.assert_allclose(with_store, without, atol=1e-6)


class Killed(BaseException):
    """Stands for kill -9: nothing in the code under test may handle it."""


class TestToFile:
    def blocks(self, texts: tuple[str, ...]) -> list[list[str]]:
        many = [f"{text} {'또 ' * number}" for number in range(4) for text in texts]
        return [many[start : start + 9] for start in range(0, len(many), 9)]

    @pytest.mark.parametrize("dtype", ["float16", "float32"])
    def test_block_by_block_as_encode_does(self, encoder: Encoder, texts: tuple[str, ...], tmp_path: Path, dtype: str):
        blocks, told = self.blocks(texts), []
        vectors = encode_to_file(
            encoder,
            blocks,
            tmp_path / "v.npy",
            count=48,
            role="document",
            texts_hash="t",
            dtype=dtype,
            progress=lambda *way: told.append(way),
        )
        expected = np.vstack([encode(encoder, block, role="document") for block in blocks])
        np.testing.assert_array_equal(vectors, expected.astype(dtype))
        assert isinstance(vectors, np.memmap) and told[-1] == (48, 48)

    @pytest.mark.parametrize("stored", [True, False])
    @pytest.mark.parametrize("after", [1, 4, 7, 11])
    def test_killed_and_resumed_the_bytes_are_the_same(
        self, bert: Encoder, texts: tuple[str, ...], tmp_path: Path, monkeypatch, stored: bool, after: int
    ):
        """Killed within a block, whose first batches were computed, some perhaps stored, and are not on disk."""
        monkeypatch.setattr(compute, "suited_batch_tokens", lambda encoder: 50)  # several batches a block
        stores = [VectorStore(tmp_path / name) if stored else None for name in ("one", "other")]
        options = {"count": 48, "role": "query", "texts_hash": "t", "dtype": "float32"}
        whole = encode_to_file(bert, self.blocks(texts), tmp_path / "whole.npy", store=stores[0], **options)
        forward, calls, told = compute.batch_vectors, [0], [0]

        def dying(*arguments):
            calls[0] += 1
            if calls[0] > after:
                raise Killed
            return forward(*arguments)

        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr(compute, "batch_vectors", dying)
            progress = lambda done, _: told.append(done)  # noqa: E731
            encode_to_file(bert, self.blocks(texts), tmp_path / "v.npy", store=stores[1], progress=progress, **options)
        computed: list[int] = []
        monkeypatch.setattr(
            compute, "batch_vectors", lambda e, r, places: computed.extend(places) or forward(e, r, places)
        )
        again = encode_to_file(bert, self.blocks(texts), tmp_path / "v.npy", store=stores[1], **options)
        np.testing.assert_array_equal(again, whole)
        assert (tmp_path / "v.npy").read_bytes() == (tmp_path / "whole.npy").read_bytes()
        assert len(computed) == 48 - told[-1]

    def test_the_store_is_read_and_filled(self, bert: Encoder, texts: tuple[str, ...], tmp_path: Path, monkeypatch):
        expected = encode(bert, texts, role="document", store=VectorStore(tmp_path / "s"))
        monkeypatch.setattr(bert.model, "preprocess", None)  # any computing would fail now
        vectors = encode_to_file(
            bert,
            [texts[:5], texts[5:]],
            tmp_path / "v.npy",
            count=12,
            role="document",
            texts_hash="t",
            store=VectorStore(tmp_path / "s"),
            dtype="float32",
        )
        np.testing.assert_array_equal(vectors, expected)

    def test_another_encoder_role_or_text_is_encoded_anew(self, bert: Encoder, texts: tuple[str, ...], tmp_path: Path):
        def vectors(role: str, texts_hash: str) -> np.ndarray:
            return np.array(
                encode_to_file(bert, [texts], tmp_path / "v.npy", count=12, role=role, texts_hash=texts_hash)
            )

        first = vectors("document", "t")
        with torch.no_grad():
            bert.model[0].model.embeddings.word_embeddings.weight.mul_(1.5)
        assert np.abs(vectors("document", "t") - first).max() > 1e-3
        assert vectors("document", "t").shape == vectors("query", "u").shape

    def test_fewer_texts_than_announced(self, bert: Encoder, texts: tuple[str, ...], tmp_path: Path):
        with pytest.raises(ModelError, match="expected 13 texts to encode, got 12"):
            encode_to_file(bert, [texts], tmp_path / "v.npy", count=13, role="query", texts_hash="t")
