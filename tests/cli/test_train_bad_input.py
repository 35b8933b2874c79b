"""Bad input as users give it, through the whole command: one message, exit code 1 or 2, and nothing left on disk."""

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from embedtune.cli.shared.app import build_app
from embedtune.cli.shared.guard import guarded

Content = str | bytes


def lines(records: Iterable[Mapping[str, object]]) -> str:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def pairs(count: int) -> list[dict[str, object]]:
    return [{"anchor": f"질문 {i}번은 무엇인가요?", "positive": f"답변 {i}번입니다."} for i in range(count)]


GOOD = lines(pairs(30))
CORPUS = lines({"_id": f"d{i}", "text": f"본문 {i}"} for i in range(5))
QUERIES = lines({"_id": f"q{i}", "text": f"질문 {i}"} for i in range(5))
QRELS = "query-id\tcorpus-id\tscore\n"


@dataclass(frozen=True)
class Bad:
    """One bad input: the files it needs, the command, and what must be said about it."""

    name: str
    arguments: tuple[str, ...]
    words: str
    code: int = 1
    files: Mapping[str, Content] = field(default_factory=dict)
    next: str | None = None


def data(name: str, content: Content, words: str, next: str | None = None) -> Bad:
    """A data file that cannot be used."""
    return Bad(name, ("--data", name), words, files={name: content}, next=next)


def options(words: str, *arguments: str, code: int = 2, next: str | None = None, **files: Content) -> Bad:
    """Options that make no sense with good data."""
    named = {name.replace("__", "/").replace("_dot_", "."): content for name, content in files.items()}
    return Bad(" ".join(arguments), ("--data", "good.jsonl", *arguments), words, code, named, next)


DATA = [
    data("empty.jsonl", "", "the file is empty"),
    data("empty.csv", "", "the file is empty"),
    data("header-only.csv", "anchor,positive\n", "no rows"),
    data("missing-column.jsonl", lines([{"anchor": "a", "reply": "b"}]), "pairs also need 'positive'"),
    data("one-row.jsonl", lines(pairs(1)), "only 1 row"),
    data("same-rows.jsonl", lines(pairs(1) * 9), "all the same"),
    data("one-answer.jsonl", lines({"anchor": f"질문 {i}", "positive": "네"} for i in range(9)), "same positive, '네'"),
    data("one-question.jsonl", lines({"anchor": "왜?", "positive": f"답 {i}"} for i in range(9)), "same anchor, '왜?'"),
    data("nul.jsonl", b'{"anchor": "a\0b", "positive": "c"}\n', "NUL"),
    data("nul-escaped.jsonl", '{"anchor": "a\\u0000b", "positive": "c"}\n', "NUL"),
    data("broken-utf8.jsonl", GOOD.encode() + b'{"anchor": "\xff\xfe", "positive": "c"}\n', "broken UTF-8", "UTF-8"),
    data("cp949.csv", b"anchor,positive\n" + "질문,답변\n".encode("cp949"), "broken UTF-8", "iconv -f CP949"),
    data("surrogate.jsonl", GOOD + '{"anchor": "\\ud800", "positive": "c"}\n', "half a character"),
    data("arrays.jsonl", '["a", "b"]\n["c", "d"]\n', "order never decides"),
    data("open-quote.csv", 'anchor,positive\n"a,b\nc,d\n', "is never closed", "double quotes"),
    data("fields.csv", "anchor,positive\na,b\nc,d,e\n", "got 3 fields instead of 2"),
    data("cut-line.jsonl", GOOD + '{"anchor": "a', "invalid JSON at column 12"),
    data("long-line.jsonl", '{"anchor": "' + "가" * 2_000_000, "invalid JSON at column 12"),
    data("picture.jsonl", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "binary file"),
    data("sheet.jsonl", b"PK\x03\x04\x14\0", "zip or Excel file"),
    data("sheet.ods", b"PK\x03\x04\x14\0", "spreadsheets (.ods) are not read", "CSV UTF-8"),
    data("cut.jsonl.gz", gzip.compress(GOOD.encode())[:-20], "broken or truncated", "copy it again"),
    data("no-gzip.jsonl.gz", GOOD, "compression is broken"),
    data("no.parquet", GOOD, "cannot be read as Parquet"),
    data(
        "one-class.jsonl",
        lines({"text": f"t{i}", "label": "환불"} for i in range(20)),
        "all 20 texts have the class '환불'",
    ),
    data("no-class-twice.jsonl", lines({"text": f"t{i}", "label": f"c{i}"} for i in range(9)), "no class has two"),
    data("scores.jsonl", lines([{"sentence1": "a", "sentence2": "b", "score": "high"}]), "must be a number"),
    Bad(
        "a grade that is no number, next to missing ids",
        ("--data", "beir"),
        "the grade must be an integer",
        files={
            "beir/corpus.jsonl": CORPUS,
            "beir/queries.jsonl": QUERIES,
            "beir/qrels/train.tsv": QRELS + "q0\td0\t1\nq99\td1\t1\nq1\td99\t1\nq2\td2\tgut\n",
        },
    ),
    Bad("no such file", ("--data", "god.jsonl"), "no such file", next="good.jsonl"),
    Bad("a name no file can have", ("--data", "x" * 5000), "name too long"),
    Bad("a name with NUL", ("--data", "a\0b"), "NUL", 2),
    Bad("no name", ("--data", ""), "non-empty text", 2),
    Bad("Hub data set offline", ("--data", "hf:owner/none"), "cannot be reached", next="HF_HUB_OFFLINE"),
]

OPTIONS = [
    options("there is no split 'trian'", "--split", "trian", code=1, next="omit --split"),
    options("there is no split 'tset'", "--eval-split", "tset", code=1, next="omit --eval-split"),
    options("no such file", "--eval-data", "nothing.jsonl", code=1),
    options("no column 'topic'", "--group", "topic", code=1),
    options("names 'q' as anchor", "--columns", "anchor=q", code=1, next="--columns anchor=anchor"),
    options("unknown role 'ancor'", "--columns", "ancor=anchor", next="roles are"),
    options("is not KEY=VALUE", "--columns", "anchor"),
    options("model.prompts takes query, document", "--prompts", "question=x: "),
    options("training.epochs", "--epochs", "many"),
    options("got -3; it must be a whole number of at least 1", "--epochs", "-3"),
    options("got 'banana'; it must be a number above 0 or auto", "--lr", "banana"),
    options("got 0; it must be a number above 0 or auto", "--lr", "0"),
    options("got 1; it must be a whole number of at least 2", "--batch-size", "1"),
    options("got 3; it must be a whole number of at least 8", "--max-length", "3"),
    options("got -1", "--seed", "-1"),
    options("one of auto, fp32, bf16, fp16", "--precision", "int8"),
    options("no device 'tpu'", "--device", "tpu", next="--device auto"),
    options("there is no loss 'gits'; did you mean 'gist'?", "--loss", "gits"),
    options("'gist:heavy' is not NAME or NAME:WEIGHT", "--loss", "gist:heavy"),
    options("it must be a number above 0", "--loss", "gist:-1"),
    options("gist is given more than once", "--loss", "gist", "--loss", "gist"),
    options("not 'banana'", "--margin", "banana"),
    options("infonce has no argument 'margin'", "--loss", "infonce", "--margin", "0.1"),
    options("did you mean 'temperature'?", "loss.0.args.temprature=0.1"),
    options("temperature must be a number above 0, not -1", "loss.0.args.temperature=-1"),
    options("did you mean 'training'?", "trainig.epochs=3"),
    options("did you mean 'epochs'?", "training.epoch=3"),
    options("given twice", "--epochs", "3", "training.epochs=4"),
    options("did you mean --epochs?", "--epocs", "3", next="--help"),
    options("needs negatives", "--loss", "triplet", "loss.0.args.mining=given", code=1, next="gist"),
    options("needs labels", "--loss", "triplet", "loss.0.args.mining=ranking", code=1, next="gist"),
    options("teacher scores", "--loss", "margin_mse", code=1, next="gist"),
    options("owner/none is not on this machine", "--model", "owner/none", code=1, next="starter"),
    options("did you mean starter?", "--model", "startr", code=1),
    options("there is no folder ./modl", "--model", "./modl", code=1, next="check the path"),
    options("good.jsonl is a file; a model is a folder", "--model", "good.jsonl", code=1),
    options("neither modules.json", "--model", "empty-model", code=1, **{"empty-model__notes_dot_txt": "x"}),
    options(
        "only as pickle", "--model", "pickled", code=1, next="safetensors",
        pickled__config_dot_json="{}", pickled__pytorch_model_dot_bin="x",
    ),
    options("holds no weights", "--model", "hollow", code=1, hollow__config_dot_json="{}"),
    options(
        "it does not begin with the header of a safetensors file", "--model", "damaged", code=1,
        damaged__config_dot_json='{"model_type": "bert"}', damaged__model_dot_safetensors="x",
    ),
    options("no layers for LoRA", "model.lora.rank=4", next="model.lora"),
    options("did you mean 'self'?", "--guide", "selv", code=1, next="--guide none"),
    options("made from the training data", "--guide", "starter", code=1, next="--guide self"),
    options("cannot write to", "--output", "good.jsonl/run", code=1, next="may write"),
    options("--data is read from there", "--output", "good.jsonl", next="another name"),
    options("cannot write to", "--output", "x" * 300, code=1),
    options("NUL", "--output", "a\0b"),
    options("is not empty", "--output", "theirs", next="does not exist yet", theirs__diary_dot_txt="mine"),
    options("cannot be written", "--store", "good.jsonl/store", code=1, next="--store none"),
    options("no run in nowhere", "--resume", "nowhere", next="leave --resume out"),
    options("no run folder is named", "--resume", "auto", next="--output"),
]  # fmt: skip

RECIPES = [
    Bad("two recipes", ("gist-pairs", "infonce-pairs"), "one recipe at a time", 2, next="--data"),
    Bad("unknown recipe", ("gits-pairs",), "did you mean 'gist-pairs'?", 2, next="recipes list"),
    Bad("a folder as recipe", ("./",), "is a folder", 2),
    Bad("data as recipe", ("good.jsonl",), "not valid YAML", 2, next="--data"),
    Bad("empty recipe", ("r.yaml",), "this file is empty", 2, {"r.yaml": ""}),
    Bad("broken recipe", ("r.yaml",), "not valid YAML", 2, {"r.yaml": "training: [epochs: 3\n"}),
    Bad("binary recipe", ("r.yaml",), "not UTF-8", 2, {"r.yaml": b"\x89PNG\r\n"}),
    Bad("recipe of 10 MB", ("r.yaml",), "too long for a recipe", 2, {"r.yaml": "# " + "x" * 10_000_000}),
    Bad("deep recipe", ("r.yaml",), "nested deeper", 2, {"r.yaml": "model: " + "[" * 100 + "]" * 100}),
    Bad("recipe with a tag", ("r.yaml",), "tag", 2, {"r.yaml": "model: !!python/object/apply:os.getcwd []\n"}),
    Bad(
        "a bomb of anchors",
        ("r.yaml",),
        "anchors",
        2,
        {"r.yaml": "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}' if i else 'x'] * 9)}]\n" for i in range(9))},
    ),
]

CASES = [*DATA, *OPTIONS, *RECIPES]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, with good data."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.jsonl").write_text(GOOD, encoding="utf-8")
    return tmp_path


def write(folder: Path, files: Mapping[str, Content]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))


def refused(
    here: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: int
) -> dict[str, str | None]:
    """Give the command twice, in words and as JSON; returns the error, which must be the same and leave no trace."""
    before = {path.relative_to(here) for path in here.rglob("*")}
    assert guarded(build_app(), ["train", *arguments]) == code
    out, err = capsys.readouterr()
    assert guarded(build_app(), ["train", *arguments, "--json"]) == code
    error = json.loads(capsys.readouterr().out)["error"]
    assert set(error) == {"code", "message", "where", "next"}
    assert out == ""
    if error["next"]:  # a command to paste is the one that was given
        error["next"] = error["next"].replace(" --json", "")
    said = err[err.index("error: ") :]
    assert said == "".join(
        f"{label}: {text}\n".encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")
        for label, text in zip(
            ("error", "where", "next"), (error["message"], error["where"], error["next"]), strict=True
        )
        if text
    )
    assert error["code"] != "defect"
    assert error["where"]
    assert "Traceback" not in err
    assert {path.relative_to(here) for path in here.rglob("*")} == before
    return error


@pytest.mark.parametrize("bad", CASES, ids=lambda bad: bad.name[:60].replace("\0", "NUL"))
def test_is_refused_in_words_and_leaves_nothing_behind(
    here: Path, capsys: pytest.CaptureFixture[str], bad: Bad
) -> None:
    write(here, bad.files)
    error = refused(here, capsys, bad.arguments, bad.code)
    assert bad.words in str(error["message"])
    if bad.next is not None:
        assert bad.next in str(error["next"])


def test_parquet_with_wrong_types(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import pyarrow
    import pyarrow.parquet

    pyarrow.parquet.write_table(pyarrow.table({"anchor": [1, 2], "positive": [b"\xff", b"b"]}), "types.parquet")
    error = refused(here, capsys, ("--data", "types.parquet"), 1)
    assert "'anchor' must be text, got a number (1)" in str(error["message"])
    assert "'positive' must be text, got binary data" in str(error["message"])


ODD_FILES: dict[str, Callable[[], object]] = {
    "pipe.jsonl": lambda: os.mkfifo("pipe.jsonl"),
    "circle.jsonl": lambda: Path("circle.jsonl").symlink_to("circle.jsonl"),
    "dangling.jsonl": lambda: Path("dangling.jsonl").symlink_to("gone.jsonl"),
    "folder.jsonl": lambda: Path("folder.jsonl").mkdir(),
}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("pipe.jsonl", "a pipe or a device"),
        ("circle.jsonl", "symbolic links"),
        ("dangling.jsonl", "a link to something that does not exist"),
        ("folder.jsonl", "nothing to read in this folder"),
        ("/dev/null", "a pipe or a device"),
    ],
)
def test_what_is_no_file(here: Path, capsys: pytest.CaptureFixture[str], name: str, words: str) -> None:
    if name in ODD_FILES:
        ODD_FILES[name]()
    assert words in str(refused(here, capsys, ("--data", name), 1)["message"])


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (
            "quoted.csv",
            "anchor,positive\n" + "".join(f'"질문 ""{i}"",\n둘째 줄?","답변 {i}, 그리고"\n' for i in range(12)),
            "read 12 pairs from quoted.csv",
        ),
        ("array.json", json.dumps(pairs(12), ensure_ascii=False, indent=1), "read 12 pairs from array.json"),
        (
            "swapped.jsonl",
            lines({"anchor": f"긴 답변 {i}번입니다. " * 4, "positive": f"질문 {i}?"} for i in range(12)),
            "look swapped",
        ),
        (
            "long.jsonl",
            lines([*pairs(12), {"anchor": "가나 다라 " * 20_000, "positive": "답변"}]),
            "1 text longer than 20,000 characters",
        ),
        (
            "emoji.jsonl",
            lines({"anchor": f"😀👩‍👩‍👧 {i}", "positive": f"שלום \u202e{i}\u202c مرحبا"} for i in range(12)),
            "read 12 pairs",
        ),
    ],
)
def test_odd_and_usable(here: Path, capsys: pytest.CaptureFixture[str], name: str, content: str, said: str) -> None:
    write(here, {name: content})
    assert guarded(build_app(), ["train", "--data", name, "--max-steps", "1", "--output", "run"]) == 0
    assert said in capsys.readouterr().err
    assert (here / "run" / "model" / "model.safetensors").exists()


def test_an_unknown_model_is_refused_before_sentence_transformers_loads(here: Path) -> None:
    code = """
import sys
from embedtune.cli.shared.guard import guarded
from embedtune.cli.shared.app import build_app
exit_code = guarded(build_app(), ["train", "--data", "good.jsonl", "--model", "intfloat/multilingual-e5-smal"])
sys.exit(99 if "sentence_transformers" in sys.modules else exit_code)
"""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 1
    assert "is not on this machine" in done.stderr
    assert done.stdout == ""
