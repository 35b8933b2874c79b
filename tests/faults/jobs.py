"""The commands that faults strike, one or more for each verb that writes, and the small inputs that they read."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

TOPICS = ("password", "refund", "delivery", "invoice", "비밀번호", "환불", "배송", "영수증")


@dataclass(frozen=True)
class Job:
    """A command, and what of its results is compared.

    Args:
        name: the verb, and in brackets what is special.
        arguments: as typed; paths are relative to the folder it runs in.
        results: glob patterns of the files that must be the same in the end.
        reads: the data that it reads, the first of which may change while it runs; also names that would become data.
        over: the command that writes over what it reads; `{read}` and `{output}` are two names of that.
        earlier: a command that has already run in the folder; the job replaces or reads what it wrote.
        interrupted: the job itself has already run there, and was killed half-way.
    """

    name: str
    arguments: tuple[str, ...]
    results: tuple[str, ...]
    reads: tuple[str, ...] = ()
    over: tuple[str, ...] = ()
    earlier: tuple[str, ...] = ()
    interrupted: bool = False

    @property
    def verb(self) -> str:
        """The verb."""
        return self.arguments[0]


COMMON = ("--store", "store", "--device", "cpu")
SET = ("set/corpus.jsonl", "set/queries.jsonl", "set/qrels/test.tsv", "set", "model", "model/new")
NEW = "set/corpus.parquet"
"""A file that is not there yet, and would be read as a part of the folder."""
TO = ("--output", "{output}")
PAIRS = ("pairs.jsonl",)
TRAIN = ("train", "--data", "pairs.jsonl", "--model", "model", *COMMON)
STEPS = ("--max-steps", "4", "--batch-size", "8", "training.checkpoint_every=2", "--output", "run", "--resume", "auto")
TRAINED = ("run/model/*", "run/per_query.jsonl", "run/*.trec")
MINE = ("mine", "--data", "pairs.jsonl", *COMMON)
BLOCKS = ("--range", "0:12", "--sampling", "weighted", "mining.block=16", "--output", "mined.jsonl")
MINED = ("mined.jsonl", "mined.ledger.jsonl")
EVALUATE = ("evaluate", "--data", "set", "--model", "model", "--model", "starter", "--model", "bm25", *COMMON)
RANKED = ("out/*.trec", "out/per_query.jsonl")
ENCODE = ("encode", "--data", "set", "--model", "model", *COMMON, "--output")
CHECK = ("check", "--data", "odd.jsonl", "--fix")
CLEANED = ("clean.jsonl", "clean.removed.jsonl")
PREFER = ("data", "preferences", "clicks.jsonl", "--output")
COMPARE = ("compare", "scored#starter", "scored#bm25", "--output")
COPY = ("recipes", "copy", "--force")

JOBS = (
    Job("train", (*TRAIN, *STEPS), TRAINED, reads=(*PAIRS, "model"), over=(*TRAIN, *TO)),
    Job(
        "mine",
        (*MINE, *BLOCKS),
        MINED,
        reads=PAIRS,
        over=(*MINE, *TO),
        earlier=(*MINE, "--range", "0:3", "--output", "mined.jsonl"),
    ),
    Job("evaluate", (*EVALUATE, "--output", "out"), RANKED, reads=SET, over=(*EVALUATE, *TO)),
    Job(
        "encode",
        (*ENCODE, "a.npy"),
        ("a.npy",),
        reads=(*SET, NEW),
        over=(*ENCODE, "{output}"),
        earlier=(*ENCODE, "a.npy", "--role", "query"),
    ),
    Job("encode (Parquet)", (*ENCODE, "a.parquet"), ("a.parquet",), reads=(*SET, NEW), over=(*ENCODE, "{output}")),
    Job(
        "check",
        (*CHECK, "clean.jsonl"),
        CLEANED,
        reads=("odd.jsonl",),
        over=(*CHECK, "{output}"),
        earlier=("check", "--data", "pairs.jsonl", "--fix", "clean.jsonl"),
    ),
    Job("data", (*PREFER, "made.jsonl"), ("made.jsonl",), reads=("clicks.jsonl",), over=(*PREFER, "{output}")),
    Job(
        "compare",
        (*COMPARE, "out"),
        ("out/*.md",),
        reads=("scored/per_query.jsonl", "scored"),
        over=(*COMPARE, "{output}"),
    ),
    Job(
        "recipes",
        (*COPY, "gist-pairs", "my.yaml"),
        ("my.yaml",),
        reads=("own.yaml",),
        over=(*COPY, "{read}", "{output}"),
        earlier=(*COPY, "infonce-pairs", "my.yaml"),
    ),
)
RESUMED = tuple(
    replace(job, name=f"{job.name} (resumed)", earlier=(), interrupted=True)
    for job in JOBS
    if job.name in ("train", "mine", "encode")
)
SCORED = ("evaluate", "--data", "set", "--model", "starter", "--model", "bm25", "--output", "scored", "--device", "cpu")
"""Makes the input of `compare`."""


def write_inputs(folder: Path) -> None:
    """Pairs, odd pairs, clicks, a judged set and a small encoder, in English and Korean."""
    from embedtune.config.sections.encoder import EncoderSection
    from embedtune.models.files.load import load_encoder
    from embedtune.models.files.save import save_encoder

    texts = [f"The answer on {TOPICS[i % 8]} is number {i}." for i in range(60)]
    asked = [f"How about {TOPICS[i % 8]} {i}?" for i in range(60)]
    pairs = [{"anchor": asked[i], "positive": texts[i]} for i in range(48)]
    _write(folder / "pairs.jsonl", pairs)
    _write(
        folder / "odd.jsonl",
        [*pairs[:20], pairs[3], {"anchor": "", "positive": "x"}, {"anchor": asked[50]}, *pairs[20:30]],
    )
    clicks = [{"anchor": asked[i], "shown": [texts[i + 1], texts[i]], "clicked": [texts[i]]} for i in range(20)]
    _write(folder / "clicks.jsonl", clicks)
    _write(folder / "set/corpus.jsonl", [{"_id": f"d{i}", "title": "", "text": text} for i, text in enumerate(texts)])
    _write(folder / "set/queries.jsonl", [{"_id": f"q{i}", "text": asked[i]} for i in range(20)])
    (folder / "own.yaml").write_text("verb: train\nloss:\n  - name: infonce\n")
    (folder / "set/qrels").mkdir()
    judged = "".join(f"q{i}\td{i}\t1\n" for i in range(20))
    (folder / "set/qrels/test.tsv").write_text("query-id\tcorpus-id\tscore\n" + judged)
    save_encoder(load_encoder(EncoderSection(name="starter"), device="cpu", texts=texts + asked), folder / "model")


def _write(path: Path, rows: list[dict]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
