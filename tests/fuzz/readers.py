"""Every reader of files that a user or a damaged disk may hand over, with good files to start from."""

import gzip
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from embedtune.config.option_text import parse_bytes, parse_range
from embedtune.config.options import options_of
from embedtune.config.recipe.load import load
from embedtune.config.sections.encoder import ModelSection
from embedtune.config.sections.learned_data import DataSection
from embedtune.config.verbs.evaluate import EvaluateConfig
from embedtune.config.verbs.mine import MineConfig, PairsSection
from embedtune.config.verbs.train import TrainConfig
from embedtune.data.guides.guide_file import guide_kind
from embedtune.data.guides.guide_scores import read_scores
from embedtune.data.guides.guide_vectors import GuideVectors
from embedtune.data.prepare import prepare
from embedtune.data.sources.documents import CorpusText, read_documents
from embedtune.data.sources.judged_source import read_judged
from embedtune.data.splits.known_pairs import read_pairs
from embedtune.data.texts.corpus import open_corpus, write_corpus
from embedtune.data.texts.wordings import read_wordings
from embedtune.durable import read_sealed
from embedtune.errors import EmbedtuneError
from embedtune.evaluation.trec import read_run
from embedtune.losses import loss_names
from embedtune.mining.ledger import read_ledger
from embedtune.models.encode.store import VectorStore, text_key
from embedtune.models.encode.vector_file import VectorFile
from embedtune.models.sources.resolve import resolve
from embedtune.reports.results.train import TrainResult, WeightedLoss
from embedtune.workflows.compare.values import Sources
from embedtune.workflows.shared.run_folder import RunFolder
from embedtune.workflows.train.curves import training_curves
from embedtune.workflows.train.recipe_checks import check_term
from fuzz.inputs import Case, as_file

Files = Mapping[str, bytes]
DIMENSIONS = 4


@dataclass(frozen=True)
class Reader:
    """A reader and what it reads.

    Args:
        make: good sets of files by path, given an empty folder to make them in.
        read: reads them from a folder.
    """

    make: Callable[[Path], tuple[Files, ...]]
    read: Callable[[Path], Any]

    def try_on(self, case: Case, folder: Path) -> bool:
        """Put the files of a case into an empty folder: True where they are read, False for an `EmbedtuneError`."""
        write(case.files, folder)
        try:
            self.read(folder)
        except EmbedtuneError as error:
            assert error.message, "an error says what is wrong"
            return False
        return True


def write(files: Files, folder: Path) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def jsonl(*rows: Mapping[str, Any]) -> bytes:
    return as_file([dict(row) for row in rows], ".jsonl")


def zstd(content: bytes) -> bytes:
    import pyarrow

    stream = io.BytesIO()
    with pyarrow.CompressedOutputStream(stream, "zstd") as sink:
        sink.write(content)
        sink.flush()
        return stream.getvalue()


def parquet(rows: list[dict[str, Any]]) -> bytes:
    import pyarrow.parquet

    stream = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), stream)
    return stream.getvalue()


PAIRS = [{"anchor": f"질문 {i}?", "positive": f"answer {i}", "negatives": [f"n{i}", "아니요"]} for i in range(8)]
FLAT = [{"anchor": f"질문 {i}?", "positive": f'"answer", {i}', "negative_1": f"n{i}"} for i in range(6)]
LAYOUTS = (
    PAIRS,
    FLAT,
    [
        {"query": f"q{i}", "pos": ["p", f"p{i}"], "neg": ["n"], "pos_scores": [0.9, 1], "neg_scores": [0.1]}
        for i in range(4)
    ],
    [
        {
            "query_id": str(i),
            "query": f"q{i}",
            "positive_passages": [{"docid": f"d{i}", "title": "제목", "text": f"t{i}"}],
            "negative_passages": [{"docid": "x", "title": "", "text": "no"}],
        }
        for i in range(4)
    ],
    [{"sentence1": f"a{i}", "sentence2": f"b{i}", "score": i / 4} for i in range(5)],
    [{"premise": f"p{i}", "hypothesis": f"h{i}", "label": ("entailment", "neutral")[i % 2]} for i in range(6)],
    [{"text": f"글 {i}", "label": f"l{i % 2}"} for i in range(6)],
    [{"text": f"글 {i}"} for i in range(3)],
)


def pair_files(scratch: Path) -> tuple[Files, ...]:
    files: list[Files] = [{"a.jsonl": jsonl(*rows)} for rows in LAYOUTS]
    files += [{f"a{suffix}": as_file(rows, suffix)} for suffix in (".json", ".csv", ".tsv") for rows in LAYOUTS[:5]]
    plain = jsonl(*PAIRS)
    files += [
        {"a.jsonl.gz": gzip.compress(plain, mtime=0)},
        {"a.jsonl.zst": zstd(plain)},
        {"a.txt": "한 줄\n둘\n".encode()},
    ]
    files += [{"a.parquet": parquet(rows)} for rows in LAYOUTS[:3]]
    return tuple(files)


def beir_files(scratch: Path) -> tuple[Files, ...]:
    corpus = jsonl(*({"_id": f"d{i}", "title": "제목", "text": f"문서 {i}"} for i in range(4)))
    queries = jsonl(*({"_id": f"q{i}", "text": f"질문 {i}"} for i in range(3)))
    qrels = b"query-id\tcorpus-id\tscore\nq0\td0\t1\nq1\td1\t2\nq2\td2\t0\n"
    parts = {"corpus.jsonl": corpus, "queries.jsonl": queries}
    return (
        {**parts, "qrels/train.tsv": qrels, "qrels/test.tsv": qrels},
        {**parts, "qrels/test.tsv": qrels, "pairs.jsonl": jsonl(*PAIRS)},
    )


def the_file(read: Callable[[Path], Any]) -> Callable[[Path], Any]:
    """Make a reader of one file read the only one in a folder."""
    return lambda folder: read(next(path for path in folder.rglob("*") if path.is_file()))


def read_guide(path: Path) -> None:
    if guide_kind(path) == "scores":
        read_scores(path)
    else:
        GuideVectors(path).look_up(["질문", "답"], "query")


GUIDES = (
    jsonl(*({"text": f"글 {i}", "vector": [0.5, i, -1.0], "role": "query"} for i in range(3))),
    jsonl(*({"id": i, "vector": [0.5, 1]} for i in range(3))),
    jsonl(*({"query": f"q{i}", "document": "d", "score": 0.5} for i in range(3))),
)
LEDGER = jsonl(
    *(
        {"query": f"q{i}", "positive": "p", "candidate": f"c{i}", "decision": ("positive", None)[i % 2]}
        for i in range(4)
    )
)
WORDINGS = jsonl({"label": "a", "text": "말 하나"}, {"label": "a", "text": "둘"}, {"label": "b", "texts": ["셋"]})
RECIPE = b"""# embedtune train this.yaml
model: {name: starter, prompts: {query: "q: "}}
data:
  source: pairs.jsonl
loss:
  - name: gist
    weight: 1.5
    args: {temperature: 2e-2, margin: auto}
training: {epochs: 3, lr: 1.0e-3, max_steps: null}
"""
MINING = b"model: {name: starter}\nmining: {negatives: 3, memory: 1GiB}\nfilters: {range: '0:50', margin: 0.1}\n"
WORDS = b"training.epochs=3\ndata.columns={anchor: q}\nloss.0.args.temperature=0.02\nloss.1.name=sigreg\n2 GiB\n0:100\n"


def read_words(path: Path) -> None:
    """Read `key=value` words, options and quantities, one per line."""
    lines = path.read_bytes().decode("utf-8", "surrogateescape").split("\n")
    quietly(lambda: load(TrainConfig, None, lines, {}, known_losses=loss_names(), check_args=check_term))
    for line in lines:
        quietly(lambda line=line: load(MineConfig, None, [line]))
        given = {name: [line] if name == "loss" else line for name in options_of(TrainConfig)}
        quietly(lambda given=given: load(TrainConfig, None, (), given))
        given = {"model": [line], "prompts": [line], "dimensions": line}
        quietly(lambda given=given: load(EvaluateConfig, options=given))
        for parse in (parse_bytes, parse_range):
            try:
                parse(line)
            except ValueError as error:
                assert str(error)


def quietly(load: Callable[[], object]) -> None:
    try:
        load()
    except EmbedtuneError as error:
        assert error.message


def read_recipe(path: Path) -> None:
    known = {"known_losses": loss_names(), "check_args": check_term}
    quietly(lambda: load(MineConfig, str(path)))
    load(TrainConfig, str(path), (), {}, **known)


PER_QUERY = jsonl(
    *({"data": "s", "query": f"q{i}", "text": "질문", "scores": {"a": {"ndcg@10": 0.5}}} for i in range(3))
)
TRAINED = jsonl(
    *({"query": f"q{i}", "text": "t", "unseen": True, "before": {"m": 0.1}, "after": {"m": 0.2}} for i in range(3))
)
RESULT = json.dumps(
    {"models": [{"label": "a", "data": "s", "run": "a.trec"}], "facts": {"data_sha256": {"x": "y"}}}
).encode()


FINISHED = json.dumps(
    TrainResult(
        "run", "run/model", (WeightedLoss("gist", 1.0),), 1, 1.0, 1.0, 1.0, 1, {}, {}, None, None, None
    ).as_json()
).encode()


def read_compared(folder: Path) -> None:
    Sources(None, "test", ["ndcg@10"]).read(str(folder))


def read_run_folder(folder: Path) -> None:
    run = RunFolder(folder)
    run.facts()
    run.result()
    run.recipe()


METRICS = jsonl(
    *({"step": i, "loss": 1 / i, "gist.masked_share": 0.1, "collapse.effective_rank": 7.0} for i in range(1, 5))
)
MODULES = json.dumps([{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}]).encode()


def vectors() -> np.ndarray:
    return np.arange(24, dtype=np.float32).reshape(6, DIMENSIONS)  # (6, D)


def vector_files(folder: Path) -> tuple[Files, ...]:
    file = VectorFile(folder / "v.npy", (6, DIMENSIONS), "float32", {"key": "k"})
    file.write(0, vectors()[:4])
    file.write(4, vectors()[4:])
    file.finish()
    return (contents(folder),)


def read_vector_file(folder: Path) -> None:
    file = VectorFile(folder / "v.npy", (6, DIMENSIONS), "float32", {"key": "k"})
    for first, end in ((0, 4), (4, 6)):
        if end > file.rows:
            file.write(first, vectors()[first:end])
    np.testing.assert_array_equal(file.finish(), vectors())


def store_files(folder: Path) -> tuple[Files, ...]:
    for part in (slice(0, 3), slice(3, 6)):
        shelf = VectorStore(folder).shelf("model", DIMENSIONS)
        shelf.add([text_key("", str(i), "w") for i in range(6)[part]], vectors()[part])
        shelf.close()
    segments = contents(folder).values()
    return ({f"model/{number}.segment": content * 2 for number, content in enumerate(segments)},)


def read_store(folder: Path) -> None:
    into = np.full((6, DIMENSIONS), np.nan, dtype=np.float32)
    keys = [text_key("", str(i), "w") for i in range(6)]
    missing = VectorStore(folder).shelf("model", DIMENSIONS).read(keys, into)
    found = sorted(set(range(6)) - set(missing))
    np.testing.assert_array_equal(into[found], vectors()[found])


def corpus_files(folder: Path) -> tuple[Files, ...]:
    write_corpus([CorpusText(str(i), f"글 {i}") for i in range(5)], folder / "corpus", {"a": 1})
    return (contents(folder),)


def read_corpus(folder: Path) -> None:
    corpus = open_corpus(folder / "corpus", {"a": 1})
    assert corpus is None or corpus.texts(range(5)) == [f"글 {i}" for i in range(5)]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def always(*bases: Files) -> Callable[[Path], tuple[Files, ...]]:
    return lambda scratch: bases


def document_files(scratch: Path) -> tuple[Files, ...]:
    rows = [{"id": i, "title": "t", "text": f"글 {i}"} for i in range(4)]
    return ({"a.jsonl": jsonl(*rows)}, {"a.parquet": parquet(rows)}, {"a.txt": "한 줄\n둘\n".encode()})


RUN = b"q0\tQ0\td 0\t1\t0.9\tx\nq1 Q0 d1 1 -1e3 x\n"
READERS = {
    "pairs": Reader(pair_files, the_file(lambda path: prepare(DataSection(source=str(path)), 0))),
    "judged pairs": Reader(pair_files, the_file(lambda path: read_judged(str(path), "test", {}))),
    "mined pairs": Reader(pair_files, the_file(lambda path: read_pairs(PairsSection(source=str(path)), 0))),
    "beir": Reader(beir_files, lambda folder: prepare(DataSection(source=str(folder)), 0)),
    "judged beir": Reader(beir_files, lambda folder: read_judged(str(folder), "test", {})),
    "documents": Reader(document_files, the_file(lambda path: list(read_documents(str(path))))),
    "documents of beir": Reader(beir_files, lambda folder: list(read_documents(str(folder)))),
    "candidates": Reader(always({"c.jsonl": WORDINGS}), the_file(read_wordings)),
    "trec run": Reader(always({"a.trec": RUN}, {"a.trec.gz": gzip.compress(RUN, mtime=0)}), the_file(read_run)),
    "guide": Reader(always(*({"g.jsonl": guide} for guide in GUIDES)), the_file(read_guide)),
    "ledger": Reader(always({"l.jsonl": LEDGER}), the_file(read_ledger)),
    "recipe": Reader(always({"r.yaml": RECIPE}, {"r.yaml": MINING}), the_file(read_recipe)),
    "words": Reader(always({"words.txt": WORDS}), the_file(read_words)),
    "per query": Reader(
        always({"per_query.jsonl": PER_QUERY, "evaluation.json": RESULT}, {"per_query.jsonl": TRAINED}), read_compared
    ),
    "run folder": Reader(always({"run.json": RESULT, "report.json": FINISHED, "recipe.yaml": RECIPE}), read_run_folder),
    "metrics": Reader(always({"metrics.jsonl": METRICS}), the_file(training_curves)),
    "model folder": Reader(
        always({"modules.json": MODULES, "config.json": b"{}", "model.safetensors": b"\2" + b"\0" * 7 + b"{}"}),
        lambda folder: resolve(ModelSection(name=str(folder))),
    ),
    "sealed": Reader(always({"a": b'{"a": 1}\ncrc32 00000000\n'}), the_file(read_sealed)),
    "vector file": Reader(vector_files, read_vector_file),
    "store": Reader(store_files, read_store),
    "corpus": Reader(corpus_files, read_corpus),
}
