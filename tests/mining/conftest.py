"""Blocks of candidates: from reference values, and at random."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from embedtune.mining.candidate_block import PADDING, CandidateBlock, Opinion, belongs


def whole_corpus(scores: np.ndarray, positives: list[list[int]]) -> CandidateBlock:
    """Every document as a candidate of every query, best first; scores (Q, C)."""
    documents = np.argsort(-scores, axis=1, kind="stable")
    pairs = np.array([(query, one) for query, own in enumerate(positives) for one in own])
    return CandidateBlock(
        documents=documents,
        scores=np.take_along_axis(scores, documents, axis=1).astype(np.float32),
        positive_scores=np.array([scores[query, own].min() for query, own in enumerate(positives)], dtype=np.float32),
        known=belongs(documents, pairs),
    )


@pytest.fixture(scope="session")
def reference() -> SimpleNamespace:
    """The reference inputs as a block of candidates, and the cases by name."""
    file = json.loads((Path(__file__).parents[1] / "vectors" / "mining.json").read_text(encoding="utf-8"))
    main = file["inputs"]["main"]
    queries, documents = (np.array(main[name]) for name in ("queries", "documents"))
    queries, documents = (table / np.linalg.norm(table, axis=1, keepdims=True) for table in (queries, documents))
    block = whole_corpus(queries @ documents.T, main["positives_per_query"])
    return SimpleNamespace(
        block=block, positives=main["positives_per_query"], cases={c["id"]: c for c in file["cases"]}
    )


def _random_block(seed: int, queries: int = 6, places: int = 9) -> CandidateBlock:
    """A block with padding, known positives, judges and ties; scores of either sign, on a coarse grid."""
    draw = np.random.default_rng(seed)
    shape = (queries, places)

    def scores(*shape: int) -> np.ndarray:
        return (draw.integers(-8, 9, shape) / 8).astype(np.float32)

    documents = np.argsort(draw.random((queries, 3 * places)), axis=1)[:, :places]
    documents[np.arange(places) >= draw.integers(0, places + 1, (queries, 1))] = PADDING
    return CandidateBlock(
        documents=documents,
        scores=-np.sort(-scores(*shape), axis=1),
        positive_scores=np.where(draw.random(queries) < 0.2, np.float32(np.nan), scores(queries)),
        known=(draw.random(shape) < 0.2) & (documents != PADDING),
        duplicates=draw.random(shape) < 0.1,
        copies=draw.random(shape) < 0.1,
        same_group=draw.random(shape) < 0.1,
        marked=draw.random(shape) < 0.1,
        guide=Opinion(np.where(draw.random(shape) < 0.2, np.float32(np.nan), scores(*shape)), scores(queries)),
        cross_encoder=Opinion(scores(*shape), scores(queries)),
        teacher=Opinion(np.where(draw.random(shape) < 0.5, np.float32(np.nan), scores(*shape)), scores(queries)),
    )


@pytest.fixture
def random_block() -> Callable[..., CandidateBlock]:
    """Makes a block from a seed (queries, places)."""
    return _random_block
