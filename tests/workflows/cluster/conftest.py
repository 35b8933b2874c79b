"""Small sets to cluster: texts in clear topics, linked nodes, and series of two shapes."""

import json

import numpy as np
import pytest

TOPICS = {
    "card": ("my card was lost", "a lost card was found", "block my card now", "card stolen abroad", "new card please"),
    "rate": (
        "euro exchange rate",
        "what rate for dollars",
        "exchange euro here",
        "dollar rate now",
        "rate of exchange",
    ),
    "연금": ("연금을 신청하고 싶어요", "연금은 언제 받나요", "연금 신청 서류", "연금이 얼마인가요", "연금 받는 나이"),
}


@pytest.fixture
def write(tmp_path):
    """Write rows as JSON lines; returns the path as text."""

    def to(name, rows):
        path = tmp_path / name
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
        return str(path)

    return to


@pytest.fixture
def topics():
    """Labelled texts, 3 topics of 30 different ones, and the vectors that separate them (one row each)."""
    rows = [
        {"_id": f"{label}-{number}", "text": f"{text} {number}", "label": label, "date": "2026"}
        for label, texts in TOPICS.items()
        for number, text in enumerate(texts * 6)
    ]
    draw, labels = np.random.default_rng(0), list(TOPICS)
    middles = np.linalg.qr(draw.standard_normal((16, 16)))[0]
    vectors = np.stack([middles[labels.index(row["label"])] for row in rows]) + 0.1 * draw.standard_normal((90, 16))
    return rows, vectors.astype(np.float32)


@pytest.fixture
def waves():
    """Rows of values: 12 sines and 12 steps, of unequal lengths."""
    draw = np.random.default_rng(1)
    rows = []
    for number in range(24):
        time = np.linspace(0, 1, 30 + number % 4)
        shape = np.sin(7 * time) if number < 12 else np.sign(time - 0.5)
        values = shape + 0.05 * draw.standard_normal(len(time))
        rows.append({"_id": f"s{number}", "values": values.tolist(), "label": "sine" if number < 12 else "step"})
    return rows
