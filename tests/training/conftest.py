"""Rows small enough to check by hand."""

import numpy as np
import pytest

from embedtune.data.rows import Rows
from embedtune.identity import text_id


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
