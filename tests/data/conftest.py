"""Small files and folders of data, written as their users would."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

Put = Callable[[str, str | bytes], Path]


def json_lines(records: Sequence[Mapping[str, object]]) -> str:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def pair_records(count: int, start: int = 0) -> list[dict[str, object]]:
    return [{"anchor": f"질문 {i}?", "positive": f"답변 {i}."} for i in range(start, start + count)]


@pytest.fixture
def put(tmp_path: Path) -> Put:
    """Writes a file below the test's folder and returns its path."""

    def write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        return path

    return write


@pytest.fixture
def lines() -> Callable[[Sequence[Mapping[str, object]]], str]:
    return json_lines


@pytest.fixture
def pairs() -> Callable[..., list[dict[str, object]]]:
    return pair_records


@pytest.fixture
def beir(put: Put) -> Callable[..., Path]:
    """Writes a BEIR folder of `documents` documents and as many queries, with the judgments given per split."""

    def write(name: str, qrels: Mapping[str, Sequence[tuple[str, str, object]]], documents: int = 8) -> Path:
        corpus = [{"_id": f"d{i}", "title": f"제목 {i}", "text": f"본문 {i}."} for i in range(documents)]
        put(f"{name}/corpus.jsonl", json_lines(corpus))
        queries = [{"_id": f"q{i}", "text": f"질문 {i}?", "service": f"s{i // 2}"} for i in range(documents)]
        folder = put(f"{name}/queries.jsonl", json_lines(queries)).parent
        for split, judgments in qrels.items():
            rows = "".join(f"{query}\t{document}\t{grade}\n" for query, document, grade in judgments)
            put(f"{name}/qrels/{split}.tsv", "query-id\tcorpus-id\tscore\n" + rows)
        return folder

    return write
