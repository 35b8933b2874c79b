"""Writes BEIR folders for tests."""

from collections.abc import Mapping
from pathlib import Path

from embedtune.data.sources.write import write_jsonl
from embedtune.durable import whole_file


def write_beir(
    folder: Path,
    corpus: Mapping[str, str],
    queries: Mapping[str, str],
    qrels: Mapping[str, Mapping[str, Mapping[str, int]]],
) -> None:
    """Write a BEIR folder.

    Args:
        folder: made when it does not exist.
        corpus: document id -> text.
        queries: query id -> text.
        qrels: split -> query id -> document id -> grade.
    """
    write_jsonl(folder / "corpus.jsonl", ({"_id": key, "title": "", "text": text} for key, text in corpus.items()))
    write_jsonl(folder / "queries.jsonl", ({"_id": key, "text": text} for key, text in queries.items()))
    for split, judged in qrels.items():
        with whole_file(folder / "qrels" / f"{split}.tsv") as stream:
            stream.write("query-id\tcorpus-id\tscore\n")
            for query, grades in judged.items():
                stream.writelines(f"{query}\t{document}\t{grade}\n" for document, grade in grades.items())
