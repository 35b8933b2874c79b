"""Every command, on hostile texts and without a network, in two runs that must write the same bytes.

The two processes hash strings differently and run in different folders; neither may show in the results.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from embedtune.cli.shared.app import verb_names

HARM = ("\x1b[2J\x1b[31mred", "<script>alert(1)</script>", "=cmd|'/c calc'!A0", "\u202egnp.exe", "{{7*7}}", "한글 \x07")
# Verb -> its command line; a verb that needs no arguments needs no line here.
COMMANDS = dict(zip(verb_names(), verb_names(), strict=True)) | {
    "train": "train --data pairs.jsonl --max-steps 3 --batch-size 8 --output run",
    "adapt": "adapt --from run/start --to run/model --data texts.txt --output adapted",
    "drift": "drift run/start run/model --data texts.txt --output drifted",
    "check": "check --data pairs.jsonl --fix fixed.jsonl",
    "cluster": "cluster --data set --model run/model --k 4 --seeds 2 --map pca --output clustered",
    "compare": "compare run#before run --output compared",
    "data": "data preferences clicks.jsonl --output preferences.jsonl",
    "doctor": "doctor --quick",
    "encode": "encode --model run/model --data pairs.jsonl --column anchor --output vectors.npy",
    # The run may have kept its encoder, and then it taught nothing.
    "evaluate": "evaluate --data set --model run/model --model bm25 --train-data some.jsonl --output evaluated",
    "export": "export run/model --to static --data many.jsonl --output exported",
    "init": "init pairs.jsonl",
    "merge": "merge run/start run/model --data pairs.jsonl --alpha 0.5 --guard none --output merged",
    "mine": "mine --data pairs.jsonl --model run/model --output mined.jsonl --range 0:12",
    "push": "push run --to owner/name --dry-run",
    "recipes": "recipes list",
    "runs": "runs list .",
    "tune": "tune --data many.jsonl --budget 100steps --batch-size 16 --epochs 1 --output tuned",
    "search": "search --model run/model --model bm25 --data set 비밀번호",
}
KEPT = json.loads((Path(__file__).parent / "contract" / "names.json").read_text(encoding="utf-8"))["json"]
TIMES = re.compile(
    r"[\d,]+(\.\d+)? ?(ms|µs|s|min|h|bytes|KiB|MiB|GiB|MB|GB)\b( \d+ (min|s)\b)?"  # 8.2 s, 3 min 12 s, 1,024 MiB
    r"|((training|dev evaluations|guide|guard|loading|preparing|saving and checking|scoring the test split|"
    r"choosing the margin) \d+%(, )?)+"  # where the time went
    r"|(?<=per second)[^\d<]*(?:<[^>]*>[^\d<]*)*[\d.,]+"
)
OWN = re.compile(
    r"^(started_in|time_spent|peak_memory_bytes|mapped_memory_bytes|elapsed_us_per_query|.*_s|.*runtime|.*_per_second)$"
)

# Every Python process imports this, including those that a command starts.
GUARD = """
import os, socket, sys

socket.has_ipv6 = False  # otherwise urllib3, which older versions of datasets import, binds to ::1

def _hook(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg", "socket.bind"):
        asked = isinstance(arguments[1], tuple)
    else:
        asked = event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr")
    if asked:
        with open(os.environ["ASKED"], "a") as file:
            file.write(f"{event} {arguments[1:]} {sys.argv[:3]}\\n")
        raise OSError("the network is blocked")

sys.addaudithook(_hook)
"""
DRIVER = """
import contextlib, io, json, os, shlex, sys
from embedtune.cli.shared.guard import guarded
from embedtune.cli.shared.app import build_app

found = {}
for verb, line in json.loads(sys.argv[1]).items():
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = guarded(build_app(), [*shlex.split(line)])
    found[verb] = {"code": code, "out": out.getvalue(), "err": err.getvalue()}
print(json.dumps(found))
"""


def inputs(folder: Path) -> None:
    def lines(name: str, rows: list[dict[str, Any]]) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")

    topics = ("password", "refund", "비밀번호", "환불")
    asked = [f"How about {topics[i % 4]} {i} {HARM[i % 6]}?" for i in range(40)]
    texts = [f"{HARM[i % 6]} the answer on {topics[i % 4]} is {i}." for i in range(40)]
    lines("pairs.jsonl", [{"anchor": q, "positive": d} for q, d in zip(asked, texts, strict=True)])
    lines("some.jsonl", [{"anchor": asked[i], "positive": texts[i]} for i in range(6, 40)])
    many = [(f"{q} ({n})", f"{d} ({n})") for n in range(8) for q, d in zip(asked, texts, strict=True)]
    lines("many.jsonl", [{"anchor": q, "positive": d} for q, d in many])
    clicks = [
        {"anchor": q, "shown": [f"{HARM[i % 6]} not {d}", d], "clicked": d}
        for i, (q, d) in enumerate(zip(asked, texts, strict=True))
    ]
    lines("clicks.jsonl", clicks)
    words = "".join(f"{topics[i % 4]} {i} {HARM[i % 6]} {topics[i % 3]}\n" for i in range(400))
    (folder / "texts.txt").write_text(words, encoding="utf-8")
    lines("set/corpus.jsonl", [{"_id": f"=d{i}", "title": HARM[i % 6], "text": text} for i, text in enumerate(texts)])
    lines("set/queries.jsonl", [{"_id": f"<b>{i}", "text": asked[i]} for i in range(12)])
    (folder / "set/qrels").mkdir()
    judged = "".join(f"<b>{i}\t=d{i}\t1\n" for i in range(12))
    (folder / "set/qrels/test.tsv").write_text("query-id\tcorpus-id\tscore\n" + judged, encoding="utf-8")


def as_json(commands: dict[str, str]) -> dict[str, str]:
    return {verb: f"{line} --json" for verb, line in commands.items()} | {"search as text": commands["search"]}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Path, dict[str, dict[str, Any]]]]:
    """Two folders in which all commands ran, and what each command printed."""
    found = []
    for number in (1, 2):
        folder = tmp_path_factory.mktemp(f"run-{number}")
        (folder / "guard").mkdir()
        (folder / "guard" / "sitecustomize.py").write_text(GUARD)
        (folder / "work").mkdir()
        inputs(folder / "work")
        online = {name: value for name, value in os.environ.items() if "OFFLINE" not in name}
        places = os.pathsep.join([str(folder / "guard"), str(Path(__file__).parents[1])])
        more = {"PYTHONPATH": places, "ASKED": str(folder / "asked"), "PYTHONHASHSEED": str(number)}
        more |= {"XDG_CACHE_HOME": str(folder / "cache"), "HF_HOME": str(folder / "hub"), "OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            [sys.executable, "-c", DRIVER, json.dumps(COMMANDS if number == 1 else as_json(COMMANDS))],
            cwd=folder / "work",
            env={**online, **more},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        found.append((folder, json.loads(done.stdout.splitlines()[-1])))
    return found


def test_every_command_is_one() -> None:
    assert sorted(COMMANDS) == sorted(verb_names())


@pytest.mark.slow
def test_all_succeed_without_asking_the_network(runs: list) -> None:
    for folder, said in runs:
        assert said.keys() >= COMMANDS.keys()
        assert [verb for verb, one in said.items() if one["code"]] == [], said
        assert not (folder / "asked").exists(), (folder / "asked").read_text()


@pytest.mark.slow
def test_no_text_acts_on_the_terminal(runs: list) -> None:
    for verb, one in runs[0][1].items():
        assert not set(one["out"] + one["err"]) & {"\x1b", "\x07", "\u202e"}, verb


@pytest.mark.slow
def test_no_text_acts_on_a_page(runs: list) -> None:
    pages = list((runs[0][0] / "work").rglob("*.html"))
    assert len(pages) >= 4
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert "<script>alert" not in text and "\x1b" not in text and "49" not in re.findall(r"\{\{.*?\}\}", text), page


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes(runs: list) -> None:
    first, second = (outcome(folder / "work") for folder, _ in runs)
    assert first.keys() == second.keys()
    for name in first:
        assert first[name] == second[name], name
    assert runs[0][1]["search"]["out"] == runs[1][1]["search as text"]["out"]


@pytest.mark.slow
@pytest.mark.parametrize("verb", KEPT)
def test_the_keys_of_a_result_stay(runs: list, verb: str) -> None:
    assert set(KEPT[verb]) <= keys(json.loads(runs[1][1][verb]["out"]))


def keys(value: Any, prefix: str = "") -> set[str]:
    """Dotted keys; `[]` stands for the places of a list."""
    if isinstance(value, dict):
        inner = (keys(one, f"{prefix}{key}.") for key, one in value.items())
        return {f"{prefix}{key}" for key in value}.union(*inner)
    if isinstance(value, list):
        return set[str]().union(*(keys(one, f"{prefix}[].") for one in value))
    return set()


def outcome(folder: Path) -> dict[str, object]:
    """Every file that was written, without what may differ between two runs."""
    # Checkpoints hold pickles with memory addresses; other tests compare what resuming from them gives.
    paths = [path for path in folder.rglob("*") if path.is_file() and "checkpoints" not in path.parts]
    paths = [path for path in paths if path.suffix != ".embedtune"]  # checksums of reports, which name times
    return {path.relative_to(folder).as_posix(): shared(path) for path in paths}


def shared(path: Path) -> object:
    """The content of a file; of JSON, HTML, Markdown and YAML without durations and memory sizes."""
    if path.suffix == ".json":
        return without_own(json.loads(path.read_bytes()))
    if path.suffix == ".jsonl":
        return [without_own(json.loads(line)) for line in path.read_bytes().splitlines()]
    if path.suffix in (".html", ".md", ".yaml"):
        return TIMES.sub("#", path.read_text(encoding="utf-8"))
    return path.read_bytes()


def without_own(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_own(inner) for key, inner in value.items() if not OWN.match(key)}
    return [without_own(inner) for inner in value] if isinstance(value, list) else value
