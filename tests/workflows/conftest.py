"""Small sources of data and short recipes."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from embedtune.config.recipe.load import load
from embedtune.config.verbs.train import TrainConfig

TOPICS = ("password", "refund", "delivery", "invoice", "비밀번호", "환불", "배송", "영수증")
Recipe = Callable[..., TrainConfig]


def lines(records: Iterable[Mapping[str, object]]) -> str:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


class Listener:
    """A `Talk` that remembers."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.warned: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    def warn(self, text: str) -> None:
        self.warned.append(text)

    @contextmanager
    def progress(self, description: str, total: int | None = None) -> Any:
        yield lambda *_: None


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """48 pairs, each about one topic and one number."""
    path = tmp_path / "pairs.jsonl"
    path.write_text(
        lines(
            {"anchor": f"How about {TOPICS[i % 8]} {i}?", "positive": f"The answer on {TOPICS[i % 8]} number {i}."}
            for i in range(48)
        ),
        encoding="utf-8",
    )
    return path


@pytest.fixture
def recipe(tmp_path: Path, pairs: Path) -> Recipe:
    """A recipe of two steps on the 48 pairs; overrides are `dotted.key=value`."""

    def make(*overrides: str, output: str = "run", **options: Any) -> TrainConfig:
        short = {"data": str(pairs), "output": str(tmp_path / output), "store": "none", "device": "cpu"}
        short |= {"max_steps": 2, "batch_size": 16}
        return load(TrainConfig, None, overrides, {**short, **options})

    return make


@pytest.fixture
def beir(tmp_path: Path) -> Callable[..., Path]:
    """Writes a BEIR folder of so many documents; its splits are (query, document) numbers."""

    def write(documents: int, **splits: Sequence[tuple[int, int]]) -> Path:
        folder = tmp_path / "beir"
        (folder / "qrels").mkdir(parents=True)
        texts = [f"Document {i} tells of {TOPICS[i % 8]}." for i in range(documents)]
        (folder / "corpus.jsonl").write_text(
            lines({"_id": f"d{i}", "title": "", "text": text} for i, text in enumerate(texts)), encoding="utf-8"
        )
        numbers = sorted({query for judgments in splits.values() for query, _ in judgments})
        (folder / "queries.jsonl").write_text(
            lines({"_id": f"q{i}", "text": f"What of {TOPICS[i % 8]} {i}?"} for i in numbers), encoding="utf-8"
        )
        for split, judgments in splits.items():
            rows = "".join(f"q{query}\td{document}\t1\n" for query, document in judgments)
            (folder / "qrels" / f"{split}.tsv").write_text("query-id\tcorpus-id\tscore\n" + rows, encoding="utf-8")
        return folder

    return write
