"""An encoder made in seconds from the user's own texts, in any language, with nothing downloaded.

Its vocabulary is a BPE of those texts; every token has one vector and a text is the mean of its tokens' vectors. Half
of a token's dimensions come from the texts it occurs in: tokens that occur together are close. The other half comes
from its spelling, with a random direction for each token and each character: on short questions exact words matter as
much as co-occurrence, and inflected forms of a word share most of their characters. Rarer tokens have longer vectors.

Rejected after measuring: co-occurrence in a window instead of in a text (0.03 nDCG@10 lower on scientific abstracts,
and slower), WordPiece and Unigram vocabularies (not the same bytes from run to run), keeping upper case (0.04 lower),
random directions for whole tokens alone (0.01 lower at the start in English and Korean, and 0.01 to 0.02 after
training on questions). The balance of co-occurrence and spelling matters little: equal halves are as good as any.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from embedtune.errors import DataError
from embedtune.models.encoder import readable

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix
    from sentence_transformers import SentenceTransformer
    from tokenizers import Tokenizer

DIMENSIONS = 512
"""Length of its vectors: half from co-occurrence, half from spelling.

Twice as many begin better (nDCG@10 on dev: samples and scifact 0.03 higher, welfare-ko and medquad 0.01 to 0.02). After
training on 700 or 1,200 pairs 0.02 or less of that is left, on 2,700 or 7,300 nothing, and building and training take
twice as long (one seed each)."""
UNKNOWN = "[UNK]"
WORD_START = "▁"
MOST_TEXTS = 50_000
"""Of a larger corpus this many texts, evenly spaced, are used, so that time and memory stay bounded."""
SCALE = 0.3
"""Root mean square of the components of all vectors. Adam moves each component by about the learning rate per step, so
this and the learning rate go together: with 0.3, 2e-2 was best, or within 0.005 nDCG@10 of it, for 7,000 to 13,000
pairs (held-out parts of welfare-ko, medquad, banking77); a few hundred pairs do better with less."""


def build_starter(texts: Sequence[str], *, seed: int = 0) -> "SentenceTransformer":
    """Build a static encoder from texts: the same texts and seed give the same bytes.

    The order of the texts matters; the number of threads and the process do not.

    Args:
        texts: what the vocabulary and the vectors are made from: the corpus and the training texts.
        seed: of the random directions and of the start of the decomposition.

    Returns: a SentenceTransformer of one StaticEmbedding module, on the CPU.

    Raises:
        DataError: all texts are empty, so there is no vocabulary to learn.
    """
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding

    if not any(map(str.strip, texts)):
        raise DataError(
            f"a starter encoder learns its vocabulary from texts, and all {len(texts)} texts are empty",
            next="check the data, or name a pretrained model with --model",
        )
    # Evenly spaced, so that no part of an ordered corpus is left out.
    texts = [readable(text) for text in texts[:: -(-len(texts) // MOST_TEXTS)]]
    tokenizer = train_tokenizer(texts, vocabulary_size(texts))
    vectors = token_vectors(tokenizer, count_tokens(tokenizer, texts), DIMENSIONS, seed)  # (V, D)
    module = StaticEmbedding(tokenizer, embedding_weights=vectors)
    return SentenceTransformer(modules=[module], device="cpu", similarity_fn_name="cosine")


def vocabulary_size(texts: Sequence[str]) -> int:
    """Most tokens in a vocabulary of these texts: one per 500 characters, from 4,000 to 16,000.

    With fewer tokens a word is split into more, which helps where the same stems occur in many forms and there is
    little text to learn each from: Korean questions (1 million characters) did best after training with 2,000 to 4,000,
    English abstracts (8 million) with 16,000.

    >>> vocabulary_size(["short"] * 10), vocabulary_size(["long" * 500] * 2_500)
    (4000, 10000)
    """
    return int(np.clip(sum(map(len, texts)) // 500, 4_000, 16_000))


def train_tokenizer(texts: Sequence[str], size: int) -> "Tokenizer":
    """A lower-casing BPE over NFC text in which a word's first token differs from its later ones.

    The mark at the start of a word keeps a Korean stem apart from the same syllables inside another word.
    """
    from tokenizers import Tokenizer
    from tokenizers.models import BPE
    from tokenizers.normalizers import NFC, Lowercase
    from tokenizers.normalizers import Sequence as Normalizers
    from tokenizers.pre_tokenizers import Metaspace, Punctuation
    from tokenizers.pre_tokenizers import Sequence as PreTokenizers
    from tokenizers.trainers import BpeTrainer

    tokenizer = Tokenizer(BPE(unk_token=UNKNOWN))
    tokenizer.normalizer = Normalizers([NFC(), Lowercase()])
    tokenizer.pre_tokenizer = PreTokenizers([Metaspace(WORD_START), Punctuation()])
    trainer = BpeTrainer(vocab_size=size, min_frequency=2, special_tokens=[UNKNOWN], show_progress=False)
    tokenizer.train_from_iterator(texts, trainer, length=len(texts))
    return tokenizer


def count_tokens(tokenizer: "Tokenizer", texts: Sequence[str]) -> "csr_matrix":
    """How often each token occurs in each text: sparse (texts, V) float64."""
    from scipy.sparse import csr_matrix

    encodings = tokenizer.encode_batch(list(texts), add_special_tokens=False)
    lengths = np.array([len(encoding.ids) for encoding in encodings])
    ids = np.concatenate([np.asarray(encoding.ids, dtype=np.int64) for encoding in encodings])
    ends = np.concatenate([[0], np.cumsum(lengths)])
    counts = csr_matrix((np.ones(len(ids)), ids, ends), shape=(len(texts), tokenizer.get_vocab_size()))
    counts.sum_duplicates()
    return counts


def token_vectors(tokenizer: "Tokenizer", counts: "csr_matrix", dimensions: int, seed: int) -> np.ndarray:
    """One vector per token: unit halves from co-occurrence and from spelling, times its inverse document frequency.

    Returns: (V, D) float32.
    """
    texts, vocabulary = counts.shape
    # Half a text less in the denominator, so that a token in every text keeps a direction: with one text, all are so.
    rarity = np.log((1 + texts) / (0.5 + counts.getnnz(axis=0)))  # (V,)
    # An unknown character says nothing; weighted as the rarest of all it would drown out the rest of its text.
    rarity[tokenizer.token_to_id(UNKNOWN)] = rarity.min()
    generator = np.random.default_rng(seed)
    rank = min(dimensions // 2, texts, vocabulary)
    cooccurrence = decompose(weigh(counts, rarity), rank, generator)  # (V, rank)
    parts = spell(tokenizer)  # (V, P)
    spelling = parts @ generator.standard_normal((parts.shape[1], dimensions - rank))  # (V, D - rank)
    vectors = np.hstack([unit_rows(cooccurrence), unit_rows(spelling)]) * rarity[:, None]  # (V, D)
    return np.ascontiguousarray(vectors * (SCALE / np.sqrt(np.mean(vectors**2))), dtype=np.float32)


def spell(tokenizer: "Tokenizer") -> "csr_matrix":
    """The parts of each token: itself, its characters and their pairs, rarer parts weighing more: sparse (V, P)."""
    from scipy.sparse import csr_matrix, diags_array

    vocabulary = tokenizer.get_vocab_size()
    columns: dict[tuple[str, str], int] = {}
    rows, places = [], []
    for row in range(vocabulary):
        token = tokenizer.id_to_token(row) or ""
        letters = token.replace(WORD_START, "")
        parts = [("token", token), *(("letters", part) for part in (*letters, *map("".join, pairwise(letters))))]
        rows += [row] * len(parts)
        places += [columns.setdefault(part, len(columns)) for part in parts]
    made_of = csr_matrix((np.ones(len(rows)), (rows, places)), shape=(vocabulary, len(columns)))
    return (made_of @ diags_array(np.log((1 + vocabulary) / made_of.getnnz(axis=0)))).tocsr()


def weigh(counts: "csr_matrix", rarity: np.ndarray) -> "csr_matrix":
    """Texts as unit rows of damped counts times rarity, so that no long text outweighs the others: (texts, V)."""
    from scipy.sparse import diags_array

    damped = counts.copy()
    damped.data = np.log1p(damped.data)
    damped = (damped @ diags_array(rarity)).tocsr()
    lengths = np.sqrt(np.asarray(damped.multiply(damped).sum(axis=1)).ravel())  # (texts,)
    return (diags_array(1 / np.maximum(lengths, 1e-12)) @ damped).tocsr()


def decompose(matrix: "csr_matrix", rank: int, generator: np.random.Generator) -> np.ndarray:
    """Right singular vectors of a sparse matrix, largest first, times the roots of their singular values: (V, rank).

    Source: Halko, Martinsson, Tropp 2011 (arXiv:0909.4061), algorithm 4.4 with two power iterations, in float64. On one
    thread, because a threaded product sums in another order and would change the last bits.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    columns = min(rank + 16, *matrix.shape)
    transposed = matrix.T.tocsr()
    with threadpool_limits(1):
        basis = np.linalg.qr(transposed @ generator.standard_normal((matrix.shape[0], columns)))[0]  # (V, columns)
        for _ in range(2):
            basis = np.linalg.qr(matrix @ basis)[0]  # (texts, columns)
            basis = np.linalg.qr(transposed @ basis)[0]  # (V, columns)
        _, sizes, rotation = np.linalg.svd(matrix @ basis, full_matrices=False)  # (columns,), (columns, columns)
        vectors = (basis @ rotation.T)[:, :rank]  # (V, rank)
    # A singular vector is defined up to its sign; the largest entry is made positive.
    largest = vectors[np.abs(vectors).argmax(axis=0), np.arange(rank)]  # (rank,)
    return vectors * np.where(largest < 0, -1.0, 1.0) * np.sqrt(sizes[:rank])


def unit_rows(matrix: np.ndarray) -> np.ndarray:
    """Rows scaled to length 1; zero rows stay zero."""
    return matrix / np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-12)
