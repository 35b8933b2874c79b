"""The starter: the same bytes from the same texts, of use before any training, and fit for any input."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from embedtune.errors import DataError
from embedtune.models.files.starter import (
    build_starter,
    count_tokens,
    decompose,
    spell,
    token_vectors,
    train_tokenizer,
)

BUILD = """
import hashlib, random
from embedtune.models.files.starter import DIMENSIONS, count_tokens, token_vectors, train_tokenizer
words = "비밀번호 재설정 결제 환불 배송 주소 account password refund card order address reset change help".split()
draw = random.Random(0)
texts = [" ".join(draw.choices(words, k=12)) for _ in range(2_000)]
tokenizer = train_tokenizer(texts, 8_000)
vectors = token_vectors(tokenizer, count_tokens(tokenizer, texts), DIMENSIONS, 3)
made = [hashlib.sha256(part).hexdigest() for part in (tokenizer.to_str().encode(), vectors.tobytes())]
"""


def build_elsewhere(*, threads: int, hash_seed: int) -> list[str]:
    """The hashes of a starter's tokenizer and vectors, built in a process of its own."""
    keys = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS")
    settings = {**dict.fromkeys(keys, str(threads)), "PYTHONHASHSEED": str(hash_seed), "TOKENIZERS_PARALLELISM": "true"}
    command = [sys.executable, "-c", BUILD + "print(*made)"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, **settings})
    return done.stdout.split()


def test_the_same_bytes_whatever_the_process_threads_and_hash_seed():
    here: dict[str, list[str]] = {}
    exec(BUILD, here)
    assert build_elsewhere(threads=1, hash_seed=0) == build_elsewhere(threads=2, hash_seed=4711) == here["made"]


def test_saved_twice_the_files_are_the_same(tmp_path: Path, texts: tuple[str, ...]):
    for name in ("a", "b"):
        build_starter(texts, seed=3).save(str(tmp_path / name), create_model_card=False)
    files = sorted(file.name for file in (tmp_path / "a").iterdir())
    assert {"model.safetensors", "tokenizer.json"} <= set(files)
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_the_seed_moves_the_random_half(texts: tuple[str, ...]):
    one, two = (build_starter(texts, seed=seed)[0].embedding.weight for seed in (0, 1))
    assert one.shape == two.shape
    assert not one.equal(two)


def test_words_that_share_texts_are_nearer_than_words_that_do_not():
    texts = ["the cat drinks milk", "the dog drinks milk", "a stock market fell", "the stock price fell"] * 5
    cat, milk, market = build_starter(texts).encode(["cat", "milk", "market"], normalize_embeddings=True)
    assert cat @ cat > cat @ milk > cat @ market


def test_korean_composed_and_decomposed_are_one_text(texts: tuple[str, ...]):
    import unicodedata

    model = build_starter(texts)
    composed = "비밀번호를 다시 설정하나요"
    one, two = model.encode([composed, unicodedata.normalize("NFD", composed)])
    np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("text", ["", "   ", "漢字만", "\x00", "😀", "a" * 100_000])
def test_any_text_has_finite_numbers(texts: tuple[str, ...], text: str):
    assert np.isfinite(build_starter(texts).encode([text])).all()


@pytest.mark.parametrize("count", [1, 2, 10])
def test_a_handful_of_texts_is_enough(count: int):
    texts = [f"문장 번호 {number} of a tiny corpus" for number in range(count)]
    vectors = build_starter(texts).encode(texts)
    assert vectors.shape == (count, 512)
    assert np.isfinite(vectors).all()
    assert np.abs(vectors).sum(axis=1).all(), "every text must have a direction"


@pytest.mark.parametrize("texts", [[], [""], ["  ", "\n"]])
def test_nothing_to_learn_from_is_a_data_error(texts: list[str]):
    with pytest.raises(DataError, match="learns its vocabulary from texts"):
        build_starter(texts)


def test_counts_against_a_slow_count():
    texts = ["red blue red", "blue", ""]
    tokenizer = train_tokenizer(texts, 100)
    counts = count_tokens(tokenizer, texts).toarray()
    for row, text in enumerate(texts):
        ids = tokenizer.encode(text).ids
        assert counts[row].tolist() == [ids.count(token) for token in range(tokenizer.get_vocab_size())]


def test_decomposition_against_numpy():
    from scipy.sparse import random_array

    matrix = random_array((60, 40), density=0.2, rng=np.random.default_rng(0), format="csr")
    vectors = decompose(matrix, 5, np.random.default_rng(1))  # (40, 5)
    _, sizes, rows = np.linalg.svd(matrix.toarray())
    # Two power iterations on 21 of 40 columns: the leading directions agree but for their sign.
    np.testing.assert_allclose(np.abs((vectors * rows[:5].T).sum(axis=0)), np.sqrt(sizes[:5]), rtol=1e-3)
    assert (vectors[np.abs(vectors).argmax(axis=0), np.arange(5)] > 0).all()


def test_rarer_tokens_are_longer():
    texts = ["common rare", "common", "common other", "common else"] * 3
    tokenizer = train_tokenizer(texts, 100)
    lengths = np.linalg.norm(token_vectors(tokenizer, count_tokens(tokenizer, texts), 64, 0), axis=1)
    assert lengths[tokenizer.token_to_id("▁rare")] > lengths[tokenizer.token_to_id("▁common")]


def test_a_character_never_seen_does_not_drown_its_text(texts: tuple[str, ...]):
    plain, mixed = build_starter(texts).encode(["reset my password", "reset my password 龘"], normalize_embeddings=True)
    assert plain @ mixed > 0.99


def test_spelling_against_a_slow_count():
    tokenizer = train_tokenizer(["aba ab aba ab"], 100)
    parts = spell(tokenizer)
    row = parts[tokenizer.token_to_id("▁aba")].toarray().ravel()
    tokens = [tokenizer.id_to_token(number).replace("▁", "") for number in range(tokenizer.get_vocab_size())]

    def weight(part: str) -> float:
        return np.log((1 + len(tokens)) / sum(part in token for token in tokens))

    itself = np.log(1 + len(tokens))
    expected = sorted([itself, 2 * weight("a"), weight("b"), weight("ab"), weight("ba")])
    np.testing.assert_allclose(sorted(row[row > 0]), [value for value in expected if value > 0])


def test_forms_of_one_word_are_nearer_than_other_words():
    texts = [
        f"{word}{ending} 묻다" for word in ("신청", "결제", "배송") for ending in ("하다", "하면", "했어요", "하려고")
    ]
    form, other_form, other = build_starter(texts).encode(
        ["신청하면", "신청했어요", "배송했어요"], normalize_embeddings=True
    )
    assert form @ other_form > form @ other
