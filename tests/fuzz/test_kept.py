"""Inputs that once broke or hung a reader, and files so large or so deep that only an attacker would make them."""

import gzip
from pathlib import Path

import pytest

from fuzz.inputs import Case
from fuzz.readers import PAIRS, PER_QUERY, READERS, jsonl

BRACKETS = b"[" * 10_000_000
BROKE = [
    ("pairs", {"a.jsonl": jsonl(*({"text": f"t{i}", "label": f"l{i % 2}"} for i in range(6)))}),  # no class has three
    ("documents of beir", {"corpus.jsonl": b"{}", "queries.jsonl": b'{"_id": "q", "text": "t"}'}),
    ("words", {"words.txt": b"training.epo\xebchs=3\n\x85.name=sigreg\n"}),
    ("recipe", {"r.yaml": b"model: {" + b"[" * 3000}),
    ("recipe", {"r.yaml": b"model: " + b"- " * 100_000}),
    ("per query", {"per_query.jsonl": PER_QUERY[:40] + b"\xb5" + PER_QUERY[40:]}),
    ("per query", {"per_query.jsonl": b'{"query": "q", "scores": 5}\n'}),
    ("per query", {"per_query.jsonl": b'{"data": "s", "query": "q", "text": "t", "scores": {}}\n'}),
    ("guide", {"g.jsonl": b'{"id": 1180591620717411303424, "vector": [0.5]}\n'}),
    ("words", {"words.txt": b"9" * 400}),
    ("run folder", {"run.json": b"{}", "report.json": b"[" * 3000, "recipe.yaml": b""}),
    ("metrics", {"metrics.jsonl": b'{"step": 1, "loss": 0.5}\n{"step": 2, "lo'}),
    ("metrics", {"metrics.jsonl": b'{"loss": 0.5}\n\xff\n[1]\n'}),
]
BROKE += [  # names that no file can have
    ("model folder", {"modules.json": f'[{{"type": "sentence_transformers.X", "path": "{name}"}}]'.encode()})
    for name in ("{" * 3000, "a\\u0000b")
]
BROKE.append(  # scores of positives alone
    ("pairs", {"a.jsonl": jsonl({"query": "q", "pos": ["p"], "neg": ["n"], "pos_scores": [0.9, 1]})})
)
EXPANDING = [
    ("pairs", {"a.csv": b'anchor,positive\na,b\n"' + b"x,y\n" * 300_000}),
    ("pairs", {"a.tsv": b'anchor\tpositive\n"' + b"x\ty\n" * 200_000}),
    ("documents", {"a.json.gz": gzip.compress(b"[" + b'{"text": ""},' * 200_000)}),
    ("documents", {"a.csv.gz": gzip.compress(b"text\n" + b"\n" * 1_000_000)}),
]
LARGE = [
    ("pairs", {"a.csv": b"anchor," + b"9" * 100_000 + b"x\na,b\n"}),
    ("pairs", {"a.jsonl": jsonl({"anchor": "ab" * 5_000_000, "positive": "한" * 3_400_000}, *PAIRS)}),
    ("pairs", {"a.jsonl": BRACKETS}),
    ("pairs", {"a.json": b"[" + BRACKETS}),
    ("pairs", {"a.jsonl": jsonl(*PAIRS) + b'{"anchor": ' + b'{"a":' * 2_000_000}),
    ("pairs", {"a.csv": b'anchor,positive\n"' + b"x" * 10_000_000}),
    ("pairs", {"a.csv": b"," * 1_000_000}),
    ("pairs", {"a.jsonl.gz": gzip.compress(b"\n" * 300_000)}),
    ("trec run", {"a.trec": b"q " * 5_000_000}),
    ("recipe", {"r.yaml": b"a: &a [x]\n" + b"b: [*a, *a, *a, *a]\n" * 10_000}),
    ("recipe", {"r.yaml": BRACKETS}),
    ("run folder", {"run.json": BRACKETS, "report.json": b"{}", "recipe.yaml": b""}),
    ("model folder", {"modules.json": BRACKETS, "model.safetensors": b""}),
]


@pytest.mark.parametrize(
    ("name", "files"), [*BROKE, *EXPANDING, *LARGE], ids=lambda value: value if isinstance(value, str) else ""
)
def test_read_or_refused(tmp_path: Path, name: str, files: dict[str, bytes]) -> None:
    READERS[name].try_on(Case(files), tmp_path)
