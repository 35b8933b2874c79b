import math

import numpy as np
import pytest

from embedtune.mining.candidate_block import CandidateBlock, belongs
from embedtune.mining.filters import Margin, MaxScore, MinScore, Range, RelativeMargin, judge
from embedtune.mining.sample import choose
from embedtune.search.dense import top_k

STRATEGIES = ("top", "random", "weighted", "spread")


def ids_of(block: CandidateBlock) -> dict[str, np.ndarray]:
    return {"query_ids": np.arange(len(block)) * 7919, "document_ids": block.documents * 104729}


def block_of(scores: np.ndarray) -> CandidateBlock:
    """All documents candidates of all queries, in the order of their numbers."""
    documents = np.broadcast_to(np.arange(scores.shape[1]), scores.shape)
    nothing = np.zeros(scores.shape, dtype=bool)
    return CandidateBlock(documents, scores.astype(np.float32), np.full(len(scores), np.nan, np.float32), nothing)


@pytest.mark.parametrize("sampling", STRATEGIES)
@pytest.mark.parametrize("seed", range(10))
def test_chosen_are_kept_distinct_best_first_and_as_many_as_there_are(random_block, sampling, seed) -> None:
    block = random_block(seed)
    kept = judge(block).kept
    chosen = choose(block, kept, 4, **ids_of(block), sampling=sampling, seed=seed)
    for query, row in enumerate(chosen.columns.tolist()):
        there = [column for column in row if column >= 0]
        assert there == sorted(set(there))
        assert row == there + [-1] * (4 - len(there))
        assert kept[query, there].all()
        assert len(there) == chosen.counts[query] == min(4, kept[query].sum())
    assert (chosen.counts < 4).tolist() == [int(row.sum()) < 4 for row in kept]


@pytest.mark.parametrize("sampling", STRATEGIES)
def test_what_a_person_marked_comes_first(random_block, sampling) -> None:
    for seed in range(10):
        block = random_block(seed)
        kept = judge(block).kept
        columns = choose(block, kept, 2, **ids_of(block), sampling=sampling, seed=seed).columns
        marked = (block.marked & kept).sum(axis=1)
        taken = [
            int(block.marked[query, [c for c in row if c >= 0]].sum()) for query, row in enumerate(columns.tolist())
        ]
        assert taken == np.minimum(marked, 2).tolist()


@pytest.mark.parametrize("sampling", STRATEGIES)
def test_a_draw_depends_on_neither_blocks_nor_the_numbers_of_documents(random_block, sampling) -> None:
    block = random_block(5, queries=8)
    kept, ids = judge(block).kept, ids_of(block)
    whole = choose(block, kept, 3, **ids, sampling=sampling, seed=1).columns
    names = ("scores", "positive_scores", "known", "duplicates", "copies", "same_group", "marked")
    # Other positions in the corpus, the same texts.
    documents = np.where(block.documents >= 0, block.documents + 1000, -1)
    half = CandidateBlock(documents[4:], *(getattr(block, name)[4:] for name in names))
    ids = {name: column[4:] for name, column in ids.items()}
    alone = choose(half, kept[4:], 3, **ids, sampling=sampling, seed=1)
    np.testing.assert_array_equal(alone.columns, whole[4:])


def test_random_draws_differ_by_seed_and_query_and_are_even() -> None:
    block = block_of(np.zeros((3000, 6)))
    kept = np.ones(block.documents.shape, dtype=bool)
    first = choose(block, kept, 2, **ids_of(block), sampling="random", seed=0).columns
    other = choose(block, kept, 2, **ids_of(block), sampling="random", seed=1).columns
    assert (first != other).any(axis=1).mean() > 0.8
    counts = np.bincount(first.ravel(), minlength=6)  # 1000 expected, standard deviation 26
    assert abs(counts - 1000).max() < 130


def test_weighted_draws_follow_the_scores() -> None:
    scores = np.array([0.1, 0.2, 0.3])
    block = block_of(np.tile(scores, (20_000, 1)))
    kept = np.ones(block.documents.shape, dtype=bool)
    drawn = choose(block, kept, 1, **ids_of(block), sampling="weighted", temperature=0.1).columns
    chances = np.exp(scores / 0.1) / np.exp(scores / 0.1).sum()
    np.testing.assert_allclose(np.bincount(drawn.ravel(), minlength=3) / 20_000, chances, atol=0.015)


@pytest.mark.parametrize("kept_count", [1, 2, 5, 6, 7, 50])
@pytest.mark.parametrize("n", [1, 2, 5])
def test_spread_takes_evenly_spaced_ranks(kept_count, n) -> None:
    block = block_of(np.zeros((1, 60)))
    kept = np.zeros((1, 60), dtype=bool)
    places = np.sort(np.random.default_rng(kept_count).permutation(60)[:kept_count])
    kept[0, places] = True
    row = choose(block, kept, n, **ids_of(block), sampling="spread").columns[0]
    if n >= kept_count:
        ranks = list(range(kept_count))
    elif n == 1:
        ranks = [0]
    else:
        ranks = [math.floor(i * (kept_count - 1) / (n - 1) + 0.5) for i in range(n)]
    assert row[row >= 0].tolist() == places[ranks].tolist()


def test_fewer_places_than_wanted_negatives() -> None:
    block = block_of(np.zeros((2, 3)))
    chosen = choose(block, np.ones((2, 3), dtype=bool), 5, **ids_of(block))
    assert chosen.columns.tolist() == [[0, 1, 2, -1, -1]] * 2
    assert (chosen.counts < chosen.columns.shape[1]).all()


SETTINGS = [
    ({}, []),
    ({"range_min": 3}, [Range(3)]),
    ({"absolute_margin": 0.0}, [Margin(0.0)]),
    ({"absolute_margin": 0.1}, [Margin(0.1)]),
    ({"relative_margin": 0.2, "min_score": 0.05}, [RelativeMargin(0.2), MinScore(0.05)]),
    ({"max_score": 0.3}, [MaxScore(0.3)]),
]


@pytest.mark.parametrize(("theirs", "ours"), SETTINGS)
def test_the_same_negatives_as_sentence_transformers_mines(starter, texts, theirs, ours) -> None:
    from datasets import Dataset
    from sentence_transformers.util import mine_hard_negatives

    documents = [f"{texts[i]} {texts[j]}" for i in range(12) for j in range(12) if i != j][::3]
    rows = [(texts[i], documents[(5 * i + j) % len(documents)]) for i in range(12) for j in range(1 + i % 2)]
    mined = mine_hard_negatives(
        Dataset.from_dict({"anchor": [a for a, _ in rows], "positive": [p for _, p in rows]}),
        starter.model,
        corpus=documents,
        num_negatives=3,
        range_max=len(documents),
        output_format="labeled-pair",
        verbose=False,
        **theirs,
    )
    expected = {
        (a, d) for a, d, label in zip(mined["anchor"], mined["positive"], mined["label"], strict=True) if not label
    }

    vectors = [starter.model.encode(list(side), normalize_embeddings=True) for side in (texts, documents)]
    scores, found = top_k(*vectors, len(documents))
    number = {text: i for i, text in enumerate(documents)}
    pairs = np.array([(texts.index(a), number[p]) for a, p in rows])
    positive = [(vectors[0][q] @ vectors[1][pairs[pairs[:, 0] == q, 1]].T).min() for q in range(12)]
    block = CandidateBlock(found, scores, np.array(positive, dtype=np.float32), belongs(found, pairs))
    columns = choose(block, judge(block, ours).kept, 3, query_ids=np.arange(12), document_ids=found).columns
    chosen = {(texts[q], documents[found[q, c]]) for q in range(12) for c in columns[q] if c >= 0}
    assert chosen == expected
    assert chosen
