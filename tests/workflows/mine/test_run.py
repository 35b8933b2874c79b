"""A mining job that is stopped: by kill -9, Ctrl-C, a full disk or new options; resumed, it gives the same bytes."""

import errno
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from embedtune.config.recipe.load import load
from embedtune.config.verbs.mine import MineConfig
from embedtune.durable import UNFINISHED
from embedtune.errors import Interrupted, OutputError, StoppedError
from embedtune.workflows.mine import candidate_search as mining_search
from embedtune.workflows.mine.run import mine

TOPICS = ("password", "refund", "delivery", "비밀번호", "환불", "배송")

DRIVER = '''
"""Mines in a child that kills itself at its n-th rename, five times over, and then to the end."""
import os, random, signal, sys
import pathlib
from embedtune.config.verbs.mine import MineConfig
from embedtune.config.recipe.load import load
from embedtune.workflows.mine.run import mine
import embedtune.workflows.mine.stages

def child(output, die_at, after):
    replace, calls = os.replace, [0]
    def counted(source, target, **more):
        calls[0] += 1
        if calls[0] == die_at and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        done = replace(source, target, **more)
        if calls[0] == die_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return done
    os.replace = counted
    pathlib.Path.replace = lambda self, target: (counted(self, target), pathlib.Path(target))[1]
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        mine(load(MineConfig, None, ["mining.block=6"], {"data": "pairs.jsonl", "output": output, "store": "none",
             "range": "0:12", "sampling": "weighted", "device": "cpu"}))
        os.write(write, str(calls[0]).encode())
        os._exit(0)
    os.close(write)
    _, status = os.waitpid(pid, 0)
    os.replace = replace
    return os.read(read, 100), os.waitstatus_to_exitcode(status)

said, code = child("whole.jsonl", 0, False)
assert code == 0, code
total = int(said)
draw = random.Random(7)
for number in range(5):
    # Few at a time, so that there is work left to kill five times.
    place = draw.randint(3, max(3, total // 5))
    _, code = child("killed.jsonl", place, number % 2 == 1)
    print("killed", place, code)
said, code = child("killed.jsonl", 0, False)
print("finished", code, int(said) < total)
'''


def write_pairs(folder: Path, count: int = 30) -> None:
    rows = [
        # Every ninth answer shares no word with its question, so that others look better.
        {
            "anchor": f"How about {TOPICS[i % 6]} {i}?",
            "positive": f"On {TOPICS[i % 6]} the answer is {i}." if i % 9 else f"설정 화면 {i + 90}",
        }
        for i in range(count)
    ]
    write_rows(folder / "pairs.jsonl", rows)


def write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def config(*overrides: str, **options: Any) -> MineConfig:
    given = {"data": "pairs.jsonl", "store": "none", "range": "0:12", "device": "cpu", **options}
    return load(MineConfig, None, ["mining.block=6", *overrides], given)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with thirty pairs."""
    monkeypatch.chdir(tmp_path)
    write_pairs(tmp_path)
    return tmp_path


class Listener:
    """Hears what is said, and raises where it is told to."""

    def __init__(self, stop_at: str = "", error: type[BaseException] = KeyboardInterrupt) -> None:
        self.heard: list[str] = []
        self.stop_at, self.error = stop_at, error

    def say(self, text: str) -> None:
        self.heard.append(text)

    warn = say

    @contextmanager
    def progress(self, description: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
        def tell(done: int, *_: object) -> None:
            if done > 1 and description == self.stop_at:
                raise self.error

        yield tell


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_at_five_moments_it_ends_with_the_same_bytes(here: Path) -> None:
    threads = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    done = subprocess.run(
        [sys.executable, "-c", DRIVER], capture_output=True, text=True, env={**os.environ, **threads}, timeout=1800
    )
    assert done.returncode == 0, done.stderr
    said = [line.split() for line in done.stdout.splitlines()]
    assert [line[0] for line in said] == ["killed"] * 5 + ["finished"]
    assert [line[2] for line in said[:5]] == ["-9"] * 5
    assert said[5][1:] == ["0", "True"]  # to the end, and with less to do than from the start
    assert digest(here / "killed.jsonl") == digest(here / "whole.jsonl")
    assert digest(here / "killed.ledger.jsonl") == digest(here / "whole.ledger.jsonl")
    assert not list(here.glob("*.job"))
    assert not [path for path in here.iterdir() if path.name.endswith(UNFINISHED)]


@pytest.mark.parametrize("stage", ["searching", "filtering and choosing"])
def test_interrupted_it_goes_on_where_it_was(here: Path, stage: str) -> None:
    with pytest.raises(Interrupted, match=r"kept in mined\.jsonl\.job") as stopped:
        mine(config(), talk=Listener(stage))
    assert stopped.value.exit_code == 130
    assert "same command" in str(stopped.value.next)
    done = {path: path.stat().st_mtime_ns for path in Path("mined.jsonl.job").rglob("*.npy")}
    assert done
    assert not Path("mined.jsonl").exists()
    listener = Listener()
    mine(config(output="mined.jsonl", keep_job=True), talk=listener)
    assert "resuming mined.jsonl.job" in listener.heard
    assert {path: path.stat().st_mtime_ns for path in done} == done
    mine(config(output="other.jsonl"))
    assert digest(Path("mined.jsonl")) == digest(Path("other.jsonl"))


def test_a_full_disk_loses_nothing_and_is_said(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save = mining_search.save_array

    def full_at_the_third(path: Path, array: Any) -> None:
        if path.stem == "000002":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        save(path, array)

    monkeypatch.setattr(mining_search, "save_array", full_at_the_third)
    with pytest.raises(StoppedError, match="the disk is full") as stopped:
        mine(config())
    assert stopped.value.exit_code == 4
    assert "000002" in str(stopped.value.where)
    assert len(list(Path("mined.jsonl.job").glob("candidates-*/*.npy"))) == 2
    monkeypatch.setattr(mining_search, "save_array", save)
    assert mine(config()).rows == 30


def test_a_changed_option_is_named_and_keeps_what_it_does_not_touch(here: Path) -> None:
    mine(config(keep_job=True))
    searched = {path: path.stat().st_mtime_ns for path in Path("mined.jsonl.job").glob("candidates-*/*.npy")}
    listener = Listener()
    mine(config(keep_job=True, negatives=2), talk=listener)
    assert any("mining.negatives was 5, is now 2" in text for text in listener.heard)
    assert {path: path.stat().st_mtime_ns for path in searched} == searched
    mine(config(keep_job=True, negatives=2, range="0:9"))
    assert not any(path.exists() for path in searched)


def test_changed_data_are_searched_anew(here: Path) -> None:
    mine(config(keep_job=True))
    write_pairs(here, 31)
    listener = Listener()
    assert mine(config(), talk=listener).rows == 31
    assert any("the data has changed" in text for text in listener.heard)


def test_a_query_whose_text_alone_changed_is_asked_anew(here: Path) -> None:
    mine(config(keep_job=True))
    data = here / "pairs.jsonl"
    data.write_text(data.read_text(encoding="utf-8").replace("How about password 0?", "On refund 1?"), encoding="utf-8")
    mine(config(keep_job=True))
    mine(config(output="fresh.jsonl"))
    assert "On refund 1?" in Path("mined.jsonl").read_text(encoding="utf-8")
    assert digest(Path("mined.jsonl")) == digest(Path("fresh.jsonl"))


def test_a_query_that_changed_its_group_alone_is_judged_anew(here: Path) -> None:
    pairs = [json.loads(line) for line in (here / "pairs.jsonl").read_text(encoding="utf-8").splitlines()]
    corpus = [{"text": row["positive"], "group": str(i % 3)} for i, row in enumerate(pairs)]
    write_rows(here / "corpus.jsonl", corpus)
    options = {"corpus": "corpus.jsonl", "group": "group"}
    for number, groups in enumerate((3, 2)):
        write_rows(here / "pairs.jsonl", [{**row, "group": str(i % groups)} for i, row in enumerate(pairs)])
        mine(config(keep_job=not number, **options))
    mine(config(output="fresh.jsonl", **options))
    assert digest(Path("mined.jsonl")) == digest(Path("fresh.jsonl"))


def test_restart_begins_anew(here: Path) -> None:
    mine(config(keep_job=True))
    before = {path: path.stat().st_mtime_ns for path in Path("mined.jsonl.job").rglob("*.npy")}
    listener = Listener()
    mine(config(keep_job=True), talk=listener, restart=True)
    after = {path: path.stat().st_mtime_ns for path in Path("mined.jsonl.job").rglob("*.npy")}
    assert before.keys() == after.keys()
    assert not set(before.values()) & set(after.values())
    assert not any("resuming" in text for text in listener.heard)


def test_a_place_that_may_not_be_written_is_said_before_any_work(here: Path) -> None:
    (here / "file").write_text("")
    with pytest.raises(OutputError):
        mine(config(output="file/mined.jsonl"))


@pytest.mark.parametrize(("highest", "words"), [(-0.9, "discard 100.0% of"), (2.0, "discard almost nothing")])
def test_thresholds_that_divide_nothing_are_told(here: Path, highest: float, words: str) -> None:
    result = mine(config(preset="hardest", max_score=highest, output="mined.jsonl"))
    assert any(one.code == "thresholds" and words in one.message for one in result.findings)


def test_a_guide_drops_what_it_likes_as_much_as_the_positive(here: Path, bert_folder: Path, products: str) -> None:
    import numpy as np
    from sentence_transformers import SentenceTransformer

    name = str(bert_folder)
    alone = mine(config(preset="hardest", output="a.jsonl"))
    guided = mine(config(preset="hardest", guide=name, output="b.jsonl"))
    assert guided.dropped["guide"] == alone.kept - guided.kept > 0
    model = SentenceTransformer(name, device="cpu", local_files_only=True)
    # bf16 keeps eight bits of what is multiplied, which is a hundredth of this encoder's vectors; the rest is added.
    rounding = {"fp32": 1e-5, "bf16": 2**-8 / 100}[products]
    for line in Path("b.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        query, positive, *negatives = model.encode(
            [row["anchor"], row["positive"], *row["negatives"]], normalize_embeddings=True
        )
        assert (np.array(negatives).reshape(-1, len(query)) @ query <= query @ positive + rounding).all()


def test_a_cross_encoder_drops_what_it_scores_above_the_positive(here: Path, cross_folder: Path) -> None:
    from sentence_transformers import CrossEncoder

    name = str(cross_folder)
    result = mine(config(preset="hardest", cross_encoder=name))
    assert result.dropped["cross_encoder"] > 0
    model = CrossEncoder(name, device="cpu", local_files_only=True)
    for line in Path("mined.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        scores = model.predict([(row["anchor"], text) for text in (row["positive"], *row["negatives"])])
        assert (scores[1:] <= scores[0] + 1e-4).all()
