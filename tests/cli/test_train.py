"""`embedtune train` as people give it: what it prints where, what each option does, and how a run is gone on with."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embedtune.cli.shared.app import build_app
from embedtune.cli.shared.guard import guarded
from embedtune.config.recipe.load import load
from embedtune.config.verbs.train import TrainConfig

Train = Callable[..., dict[str, Any]]
TOPICS = ("password", "refund", "delivery", "invoice", "비밀번호", "환불", "배송", "영수증")


def lines(records: Iterable[Mapping[str, object]]) -> str:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def records(count: int, start: int = 0) -> list[dict[str, object]]:
    """Pairs that a tiny encoder can learn something from: each about one topic and one number."""
    return [
        {
            "anchor": f"How about {TOPICS[i % 8]} {i}?",
            "positive": f"The answer on {TOPICS[i % 8]} number {i}.",
            "topic": TOPICS[i % 8],
        }
        for i in range(start, start + count)
    ]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with 48 pairs."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pairs.jsonl").write_text(lines(records(48)), encoding="utf-8")
    return tmp_path


@pytest.fixture
def train(here: Path, capsys: pytest.CaptureFixture[str]) -> Train:
    """Trains for a few steps with these arguments and returns what `--json` printed."""

    def run(*arguments: str, data: str = "pairs.jsonl", steps: int = 2) -> dict[str, Any]:
        short = ("--max-steps", str(steps), "--batch-size", "16", "--store", "none", "--device", "cpu")
        code = guarded(build_app(), ["train", "--data", data, *short, *arguments, "--json"])
        out, err = capsys.readouterr()
        assert code == 0, err + out
        result: dict[str, Any] = json.loads(out)
        result["stderr"] = err
        return result

    return run


def loaded(result: Mapping[str, Any]) -> Any:
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(result["model"], device="cpu", local_files_only=True)


def test_json_holds_every_promised_key_and_nothing_else_goes_to_stdout(train: Train) -> None:
    result = train("--loss", "gist", "--loss", "sigreg:0.05")
    assert result["losses"] == [{"name": "gist", "weight": 1.0}, {"name": "sigreg", "weight": 0.05}]
    assert {key: type(result[key]) for key in ("run", "model", "steps", "epochs", "examples_per_s", "elapsed_s")} == {
        "run": str,
        "model": str,
        "steps": int,
        "epochs": float,
        "examples_per_s": float,
        "elapsed_s": float,
    }
    assert result["steps"] == 2
    assert isinstance(result["peak_memory_bytes"], int)
    assert result["peak_memory_bytes"] > 10**7
    metrics = {"ndcg@10", "mrr@10", "recall@10", "recall@100"}
    for part in ("before", "after", "before_unseen", "after_unseen"):
        assert set(result[part]) == metrics
        assert all(isinstance(value, float) and 0 <= value <= 1 for value in result[part].values())
    verdict = result["verdict"]
    assert {"metric", "on", "difference", "interval", "p_value", "verdict"} <= set(verdict)
    assert (verdict["metric"], verdict["on"]) == ("ndcg@10", "unseen")
    assert verdict["verdict"] in ("better", "worse", "no difference shown")
    low, high = verdict["interval"]
    assert low <= verdict["difference"] <= high
    assert {"code", "severity", "count", "message", "fix", "examples"} == set(result["findings"][0])


def test_talk_goes_to_stderr_and_the_table_to_stdout(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["train", "--data", "pairs.jsonl", "--max-steps", "2", "--batch-size", "16", "--output", "run"]
    assert guarded(build_app(), command) == 0
    out, err = capsys.readouterr()
    assert "read 48 pairs from pairs.jsonl" in err
    assert "warning: only" in err
    assert "nDCG@10" in out
    assert "weak evidence" in out
    assert out.rstrip().endswith(f"report  {Path('run') / 'report.html'}")
    assert "\x1b" not in out + err


@pytest.mark.usefixtures("products")
def test_quiet_says_nothing_on_stderr(train: Train, bare_folder: Path) -> None:
    """Not even the libraries, which like to report how they load and save a model."""
    for arguments in ((), ("--model", str(bare_folder), "--guide", str(bare_folder), "--margin", "0.1")):
        assert train("--quiet", *arguments)["stderr"] == ""


def test_the_run_folder_holds_everything(train: Train, here: Path) -> None:
    result = train("--output", "runs/첫 번째")
    run = here / "runs" / "첫 번째"
    assert result["run"] == str(Path("runs/첫 번째"))
    assert {path.name for path in run.iterdir()} >= {
        "recipe.yaml", "run.json", "metrics.jsonl", "report.html", "report.md", "report.json", "model",
    }  # fmt: skip
    report = json.loads((run / "report.json").read_text(encoding="utf-8"))
    assert report == {key: value for key, value in result.items() if key != "stderr"}
    steps = [json.loads(line)["step"] for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {1, 2} <= set(steps)
    facts = json.loads((run / "run.json").read_text(encoding="utf-8"))
    assert len(facts["data_sha256"]["pairs.jsonl"]) == 64
    assert "torch" in facts["versions"]
    assert not list(run.rglob("*.partial"))


def test_a_run_without_a_name_gets_one_of_its_own(train: Train, here: Path) -> None:
    first, second = train()["run"], train()["run"]
    assert first != second
    assert {str(path.relative_to(here)) for path in (here / "runs").iterdir()} == {first, second}


def test_a_sentence_transformers_folder(train: Train, bert_folder: Path, products: str) -> None:
    result = train("--model", str(bert_folder))
    assert f", {products} (" in result["stderr"]
    assert "start" not in {path.name for path in Path(result["run"]).iterdir()}  # it exists elsewhere
    assert loaded(result).get_embedding_dimension() == 32


@pytest.mark.usefixtures("products", "rising")
def test_a_bare_transformers_folder_with_lora(train: Train, bare_folder: Path) -> None:
    from safetensors.torch import load_file

    result = train("--model", str(bare_folder), "--lr", "0.01", "model.lora.rank=4")
    assert "mean pooling" in result["stderr"]
    before = load_file(bare_folder / "model.safetensors")
    after = load_file(Path(result["model"]) / "model.safetensors")
    assert not [name for name in after if "lora" in name]
    changed = {name for name in after if (after[name] - before[name.removeprefix("bert.")]).abs().max() > 1e-6}
    assert changed
    assert all(".weight" in name and "LayerNorm" not in name and "embeddings" not in name for name in changed)


@pytest.mark.usefixtures("products")
def test_a_guide_is_audited_and_named(train: Train, bert_folder: Path) -> None:
    result = train("--guide", str(bert_folder), "--margin", "0.1")
    assert result["guide"]["name"] == str(bert_folder)
    assert result["guide"]["margin"] == 0.1
    assert 0 <= result["guide"]["positive_first_share"] <= 1


def test_no_guide_is_infonce(train: Train) -> None:
    without, plain = train("--guide", "none"), train("--loss", "infonce")
    assert without["guide"] is None
    assert without["after"] == plain["after"]
    np.testing.assert_allclose(loaded(without).encode(["환불"]), loaded(plain).encode(["환불"]), atol=1e-5)


def test_a_guide_that_no_loss_uses_is_told(train: Train) -> None:
    result = train("--loss", "infonce", "--guide", "owner/none")
    assert "the guide owner/none is not used, because infonce cannot use one" in result["stderr"]


def test_triplets_with_given_negatives(train: Train, here: Path) -> None:
    rows = [{**record, "negative_1": "없는 답", "negative_2": f"no answer {i}"} for i, record in enumerate(records(40))]
    (here / "triplets.jsonl").write_text(lines(rows), encoding="utf-8")
    result = train("--loss", "triplet", "loss.0.args.mining=given", data="triplets.jsonl")
    assert result["losses"] == [{"name": "triplet", "weight": 1.0}]
    assert "read 40" in result["stderr"]


def test_nested_dimensions_few_bits_and_a_queue(train: Train, here: Path) -> None:
    few = ("--matryoshka", "32,8", "--quantize-aware", "int8,binary")
    result = train("--loss", "infonce", *few, "--queue", "24", "--output", "run")
    assert "cut to 32, 8 of" in result["stderr"] and "at most 24" in result["stderr"]
    lines = [json.loads(line) for line in (here / "run" / "metrics.jsonl").read_text().splitlines()]
    first = next(line for line in lines if "loss" in line)
    assert {"infonce@32", "infonce@8", "infonce@8/int8", "infonce@8/binary"} <= first.keys()
    assert [(row["dimensions"], row["stored"]) for row in result["smaller"]][-3:] == [
        (8, None),
        (8, "int8"),
        (8, "binary"),
    ]
    assert result["smaller"][0]["after"] == pytest.approx(result["after_unseen"]["ndcg@10"])
    assert "Smaller vectors" in (here / "run" / "report.md").read_text(encoding="utf-8")
    assert 0 < first["queue.filled"] <= 16  # the positives of the first step


def test_labelled_texts(train: Train, here: Path) -> None:
    rows = [{"text": str(record["anchor"]), "label": record["topic"]} for record in records(80)]
    (here / "labelled.jsonl").write_text(lines(rows), encoding="utf-8")
    result = train("--loss", "triplet", "loss.0.args.mining=ranking", data="labelled.jsonl")
    assert result["test_queries"] > 0


@pytest.mark.usefixtures("products")
def test_prompts_and_length_go_into_the_model_and_stay_there(train: Train, bert_folder: Path) -> None:
    model = loaded(
        train("--model", str(bert_folder), "--prompts", 'query="질문: ",document=passage: ', "--max-length", "16")
    )
    assert {role: model.prompts[role] for role in ("query", "document")} == {"query": "질문: ", "document": "passage: "}
    assert model.max_seq_length == 16


def test_the_starter_says_that_it_ignores_prompts_and_keeps_to_the_length(train: Train) -> None:
    result = train("--prompts", "query=q: ", "--max-length", "16")
    assert "it ignores prompts" in result["stderr"]
    assert loaded(result).tokenizer.truncation["max_length"] == 16


def test_columns_of_other_names(train: Train, here: Path) -> None:
    rows = "".join(f'"답, {i}",질문 {i}?,메모\n' for i in range(30))
    (here / "other.csv").write_text("reply,asked,memo\n" + rows, encoding="utf-8")
    result = train("--columns", "anchor=asked,positive=reply", data="other.csv")
    assert "read 30 pairs" in result["stderr"]


def test_a_group_is_never_divided(train: Train) -> None:
    result = train("--group", "topic")
    assert "by the group column" in result["stderr"]
    assert result["test_queries"] == 6  # of eight topics with six rows each, one is held out for the test


def test_test_queries_of_another_source(train: Train, here: Path) -> None:
    (here / "judged.jsonl").write_text(lines(records(60, start=1000)), encoding="utf-8")
    result = train("--eval-data", "judged.jsonl")
    assert (result["test_queries"], result["unseen_queries"]) == (60, 60)
    assert "weak-test" not in {finding["code"] for finding in result["findings"]}
    assert set(json.loads(Path(result["run"], "run.json").read_text(encoding="utf-8"))["data_sha256"]) == {
        "pairs.jsonl",
        "judged.jsonl/judged.jsonl",
    }


def test_a_recipe_with_overrides_and_options(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["train", "infonce-pairs", "--data", "pairs.jsonl", "loss.0.args.temperature=0.1", "--epochs", "3"]
    assert guarded(build_app(), [*command, "--dry-run"]) == 0
    printed, err = capsys.readouterr()
    assert "read 48 pairs from pairs.jsonl" in err
    (here / "resolved.yaml").write_text(printed, encoding="utf-8")
    config = load(TrainConfig, str(here / "resolved.yaml"))
    assert (config.data.source, config.training.epochs) == ("pairs.jsonl", 3)
    assert [(term.name, term.args) for term in config.loss] == [("infonce", {"temperature": 0.1})]
    assert guarded(build_app(), [*command, "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == config.model_dump()
    assert sorted(path.name for path in here.iterdir()) == ["pairs.jsonl", "resolved.yaml"]


def test_the_resolved_recipe_gives_the_same_scores_again(train: Train, here: Path) -> None:
    first = train("--epochs", "2", "--seed", "3", "--loss", "gist", "--margin", "0.1", steps=4)
    again = train(str(Path(first["run"]) / "recipe.yaml"), steps=4)
    for part in ("before", "after", "verdict", "dev_curve"):
        assert first[part] == again[part]
    assert loaded(first).encode(["환불 3?"]).tolist() == loaded(again).encode(["환불 3?"]).tolist()


def test_resume_auto_starts_then_returns_what_is_done(train: Train) -> None:
    first = train("--resume", "auto", "--output", "run")
    again = train("--resume", "auto", "--output", "run")
    assert again.pop("stderr") == f"{Path('run')} is already done\n"
    first.pop("stderr")
    assert again == first


def test_a_run_named_goes_on_without_naming_anything_else(train: Train, capsys: pytest.CaptureFixture[str]) -> None:
    result = train("--output", "run")
    assert guarded(build_app(), ["train", "--resume", "run", "--json", "--quiet"]) == 0
    result.pop("stderr")
    assert json.loads(capsys.readouterr().out) == result


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--resume", "run", "--epochs", "7"), "training.epochs was 10, is now 7"),
        (("--resume", "run", "--prompts", "query=x"), "model.prompts.query was not set, is now 'x'"),
        (("--resume", "run", "--loss", "infonce"), "loss.0.name was 'gist', is now 'infonce'"),
        (("--resume", "auto", "--output", "run", "--data", "pairs.jsonl"), "training.max_steps was 2, is now not set"),
    ],
)
def test_a_run_is_not_gone_on_with_under_other_options(
    train: Train, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str
) -> None:
    train("--output", "run")
    for damage in ("nothing", "report.json"):  # a finished run, and one that is not
        Path("run", damage).unlink(missing_ok=True)
        assert guarded(build_app(), ["train", *arguments]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert words in err
        assert "next: leave the options out" in err


def test_a_run_is_not_gone_on_with_on_other_data(train: Train, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train("--output", "run")
    Path("run", "report.json").unlink()
    (here / "pairs.jsonl").write_text(lines(records(49)), encoding="utf-8")
    assert guarded(build_app(), ["train", "--resume", "run"]) == 1
    err = capsys.readouterr().err
    assert "the data has changed since this run was started: pairs.jsonl" in err
    assert (here / "run" / "recipe.yaml").exists()


def test_a_run_cut_off_after_training_measures_and_saves_again(train: Train) -> None:
    whole = train("--output", "run", "--epochs", "2", steps=4)
    shutil.rmtree("run/model")
    Path("run", "report.json").unlink()
    resumed = train("--output", "run", "--epochs", "2", "--resume", "auto", steps=4)
    for part in ("before", "after", "verdict", "steps", "best_step"):
        assert resumed[part] == whole[part]


def test_a_folder_that_holds_a_run_is_not_written_into(train: Train, capsys: pytest.CaptureFixture[str]) -> None:
    train("--output", "run")
    before = Path("run/report.json").read_bytes()
    assert guarded(build_app(), ["train", "--data", "pairs.jsonl", "--output", "run"]) == 2
    assert "already holds a finished run" in capsys.readouterr().err
    assert Path("run/report.json").read_bytes() == before


# A real process that waits in its third step to be interrupted, so that no machine is too fast or too slow for it.
WAITING = """
import os, signal, sys
from embedtune.cli.shared.app import main
from embedtune.training.run.watch import StepCount

ending = StepCount.on_step_end

def on_step_end(self, args, state, control, **more):
    ending(self, args, state, control, **more)
    if state.global_step == 3:
        os.kill(os.getpid(), signal.SIGSTOP)

StepCount.on_step_end = on_step_end
main(sys.argv[1:])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGINT to one process")
def test_ctrl_c_saves_and_says_how_to_go_on(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A real process, interrupted while it trains, and a second one that ends what it began."""
    options = ("--epochs", "40", "--batch-size", "16", "--store", "none", "--device", "cpu", "--output", "run")
    command = [sys.executable, "-c", WAITING, "train", "--data", "pairs.jsonl", "--loss", "infonce", *options]
    process = subprocess.Popen(
        [*command, "training.evaluate_every=1000"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    _, status = os.waitpid(process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status), process.communicate()
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGCONT)
    out, err = process.communicate()
    assert process.returncode == 130, err
    assert out == ""
    assert "error: interrupted after step" in err
    assert err.rstrip().endswith("next: embedtune train --resume run")
    assert "Traceback" not in err
    reached = int(err.split("interrupted after step ")[1].split()[0])
    assert reached in (3, 4)
    metrics = here / "run" / "metrics.jsonl"
    assert not (here / "run" / "report.json").exists()
    assert steps_logged(metrics) == list(range(1, reached + 1))
    assert guarded(build_app(), ["train", "--resume", "run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["steps"] == 120
    assert steps_logged(metrics) == list(range(1, 121))


def steps_logged(metrics: Path) -> list[int]:
    logged = [json.loads(line) for line in metrics.read_text(encoding="utf-8").splitlines()]
    return [line["step"] for line in logged if "loss" in line]


def interrupt_at(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """Send Ctrl-C to this process when training reaches the step, once."""
    from embedtune.training.run.watch import StepCount

    ending = StepCount.on_step_end

    def on_step_end(self: Any, args: Any, state: Any, control: Any, **more: Any) -> None:
        ending(self, args, state, control, **more)
        if state.global_step == step:
            monkeypatch.setattr(StepCount, "on_step_end", ending)
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(StepCount, "on_step_end", on_step_end)


@pytest.mark.parametrize("loss", [("infonce",), ("gist", "sigreg:0.05")])
def test_an_interrupted_run_that_goes_on_ends_as_if_nothing_had_happened(
    train: Train, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, loss: tuple[str, ...]
) -> None:
    options = ("--epochs", "3", *(part for term in loss for part in ("--loss", term)))
    options += ("--margin", "0.1") if loss[0] == "gist" else ()
    whole = train("--output", "whole", *options, steps=9)
    interrupt_at(monkeypatch, 5)
    short = ("--data", "pairs.jsonl", "--max-steps", "9", "--batch-size", "16", "--store", "none", "--device", "cpu")
    assert guarded(build_app(), ["train", *short, "--output", "run", *options]) == 130
    assert "next: embedtune train --resume run" in capsys.readouterr().err
    assert guarded(build_app(), ["train", "--resume", "run", "--json"]) == 0
    resumed = json.loads(capsys.readouterr().out)
    for part in ("before", "after", "verdict", "steps", "dev_curve", "best_step"):
        assert resumed[part] == whole[part]
    assert loaded(resumed).encode(["환불 3?"]).tolist() == loaded(whole).encode(["환불 3?"]).tolist()


def test_ctrl_c_before_the_first_step_leaves_nothing(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run in the background
    monkeypatch.setattr(
        "embedtune.models.files.starter.build_starter", lambda *_, **__: signal.raise_signal(signal.SIGINT)
    )
    try:
        code = guarded(build_app(), ["train", "--data", "pairs.jsonl"])
    finally:
        signal.signal(signal.SIGINT, before)
    assert code == 130
    err = capsys.readouterr().err
    assert "error: interrupted; nothing was trained yet" in err
    assert [path.name for path in here.iterdir()] == ["pairs.jsonl"]


def test_a_verdict_can_fail_the_command(train: Train, capsys: pytest.CaptureFixture[str]) -> None:
    """A rate that changes nothing gives no better encoder; a finished run that is named again has the same verdict."""
    run = train("--lr", "1e-12", "--output", "run")["run"]
    for guard, code in (("not-better", 3), ("worse", 0)):
        assert guarded(build_app(), ["train", "--resume", run, "--fail-if", guard]) == code
    assert "failed because of --fail-if not-better (verdict: no difference shown)" in capsys.readouterr().err
