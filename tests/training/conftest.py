"""Rows small enough to check by hand."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from embedtune.data.rows import Rows
from embedtune.identity import text_id

if TYPE_CHECKING:
    from embedtune.config.sections.training import TrainingSection
    from embedtune.training.run.fit import Fit


@pytest.fixture
def rows() -> Rows:
    """Four rows; rows 0 and 3 ask the same question, rows have two, none, one and no negatives."""
    return Rows(
        anchors=["question one", "question two", "세 번째 질문", "question one"],
        positives=["answer one", "answer two", "세 번째 답", "another answer one"],
        negatives=[["wrong a", "wrong b"], [], ["wrong c"], []],
    )


@pytest.fixture
def known(rows: Rows) -> np.ndarray:
    """The rows' own pairs and one more that only the judgments know."""
    pairs = list(zip(rows.anchor_ids.tolist(), rows.positive_ids.tolist(), strict=True))
    return np.array([*pairs, (text_id("question two"), text_id("judged elsewhere"))], dtype=np.int64)


TOPICS = ("password", "refund", "address", "coupon", "배송", "환불", "비밀번호", "쿠폰")


@pytest.fixture
def pairs() -> Rows:
    """Sixteen pairs on eight topics, no text twice."""
    return Rows(
        anchors=[f"how about {topic} {number}" for number in (1, 2) for topic in TOPICS],
        positives=[f"{topic} works like this {number}" for number in (1, 2) for topic in TOPICS],
    )


@pytest.fixture
def run_of(pairs: Rows, tmp_path: Path) -> Callable[..., "Fit"]:
    """A run of InfoNCE over the sixteen pairs, by its section and learning rate."""
    from embedtune.config.sections.objective import LossSection
    from embedtune.training.batch.row_table import build_table
    from embedtune.training.run.fit import Fit
    from embedtune.training.step.objective import build_objective

    def made(section: "TrainingSection", *, lr: float) -> Fit:
        own = np.stack([pairs.anchor_ids, pairs.positive_ids], axis=1)  # (n, 2)
        objective = build_objective([LossSection(name="infonce")])
        table = build_table(pairs, own)
        return Fit(rows=pairs, table=table, objective=objective, section=section, folder=tmp_path / "run", lr=lr)

    return made
