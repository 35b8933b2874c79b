"""The runs of a folder: ranked only among equals, shown in any state, and cleaned of what nothing needs."""

import json
from pathlib import Path

import numpy as np
import pytest

from embedtune.config.recipe.load import dump_config
from embedtune.errors import ConfigError
from embedtune.workflows.runs.run import clean_runs, list_runs, named_run, show_run
from embedtune.workflows.shared.lock import alone
from embedtune.workflows.shared.run_folder import RunFolder
from embedtune.workflows.train.run import train


@pytest.fixture
def runs(tmp_path, monkeypatch, recipe):
    """Writes runs into `runs`: their recipe, scores per query and as much of a result as the list reads."""
    monkeypatch.chdir(tmp_path)

    def write(name, values=None, *, unseen=None, question="q", checkpoint=b"", keep="false"):
        folder = RunFolder(tmp_path / "runs" / name)
        folder.path.mkdir(parents=True)
        folder.write("recipe.yaml", dump_config(recipe(f"output.keep_checkpoints={keep}")))
        folder.model.mkdir()
        (folder.model / "modules.json").write_text("[]")
        (folder.model / "model.safetensors").write_bytes(bytes(1000))
        if checkpoint:
            place = folder.checkpoints / "checkpoint-3"
            place.mkdir(parents=True)
            (place / "optimizer.pt").write_bytes(checkpoint)
            (place / "embedtune_manifest.json").write_text("{}")
        if values is not None:
            seen = unseen or [True] * len(values)
            lines = [
                {
                    "query": f"{i}",
                    "question": question,
                    "candidates": "9:ab",
                    "unseen": seen[i],
                    "after": {"ndcg@10": one},
                }
                for i, one in enumerate(values)
            ]
            folder.write("per_query.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
            chosen = [one for one, counts in zip(values, seen, strict=True) if counts]
            verdict = {
                "metric": "ndcg@10", "on": "all" if all(seen) else "unseen", "queries": len(chosen), "before": 0.25,
                "after": float(np.mean(chosen)), "difference": 0.1, "interval": [0.05, 0.15], "verdict": "better",
            }  # fmt: skip
            report = {"steps": 3, "elapsed_s": 61.0, "verdict": verdict, "evidence": {"data": "faq test"}}
            folder.write_json("report.json", report)
        return folder

    return write


def test_the_best_comes_first_among_runs_with_the_same_test(runs):
    runs("a", [0.2] * 9 + [0.4])
    runs("b", [0.5] * 10)
    runs("other", [0.9] * 10, question="something else")
    runs("going on")
    cards = list_runs().runs
    assert [Path(card.run).name for card in cards] == ["b", "a", "other", "going on"]
    assert [card.best for card in cards] == [True, False, False, False]
    assert cards[0].interval == (0.5, 0.5) and cards[0].tested_on == "faq test, 10 queries"
    low, high = cards[1].interval
    assert 0.2 <= low < 0.22 < high <= 0.4
    assert (cards[0].model, cards[0].losses, cards[0].elapsed_s) == ("starter", "gist", 61.0)
    assert cards[3].state == "interrupted" and cards[3].after is None


def test_runs_whose_verdicts_rest_on_other_queries_are_not_ranked_together(runs):
    runs("a", [0.1, 0.2, 0.9], unseen=[True, True, False])
    runs("b", [0.1, 0.2, 0.9])
    a, b = sorted(list_runs().runs, key=lambda card: card.run)
    assert a.test != b.test and not a.best and not b.best
    assert a.after == pytest.approx(0.15) and a.tested_on == "faq test, 2 queries (unseen)"
    assert b.after == pytest.approx(0.4)


def test_a_folder_without_runs_is_empty_and_one_that_is_not_there_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert list_runs().runs == ()
    assert "no runs in runs" in str(list_runs())
    with pytest.raises(ConfigError, match="there is no folder elsewhere"):
        list_runs("elsewhere")


@pytest.mark.parametrize("damaged", ["report.json", "recipe.yaml", "per_query.jsonl"])
def test_a_damaged_run_does_not_hide_the_others(runs, damaged):
    runs("good", [0.5, 0.6])
    (runs("bad", [0.5, 0.6]).path / damaged).write_text("{ [", encoding="utf-8")
    cards = {Path(card.run).name: card for card in list_runs().runs}
    assert cards.keys() == {"good", "bad"} and cards["good"].after == pytest.approx(0.55)
    assert (cards["bad"].state == "damaged") == (damaged == "report.json")


def test_a_run_at_work_says_so(runs):
    run = runs("a")
    with alone(run.lock):
        assert list_runs().runs[0].state == "running"
    assert list_runs().runs[0].state == "interrupted"


def test_only_what_finished_runs_can_do_without_is_removed(runs):
    done = runs("done", [0.5, 0.6], checkpoint=bytes(5000))
    going = runs("going", checkpoint=bytes(5000))
    kept = runs("kept", [0.5, 0.6], checkpoint=bytes(5000), keep="true")
    lost = runs("lost", [0.5, 0.6], checkpoint=bytes(5000))
    (lost.model / "model.safetensors").unlink()
    said = clean_runs(dry_run=True)
    assert list(said.removed) == ["runs/done"]
    assert said.freed_bytes == 5002 and done.checkpoints.is_dir()
    cleaned = clean_runs()
    assert cleaned.freed_bytes == 5002 and not done.checkpoints.exists() and done.has_model
    assert all(run.checkpoints.is_dir() for run in (going, kept, lost))
    assert {Path(run).name: reason.split(";")[0] for run, reason in cleaned.kept.items()} == {
        "going": "it is not done",
        "kept": "its recipe keeps them",
        "lost": "its model is gone, and can be saved again from its checkpoints only",
    }
    assert clean_runs(["kept"]).freed_bytes == 5002 and not kept.checkpoints.exists()
    assert clean_runs().removed == {}


def test_a_run_that_is_being_worked_on_is_left_alone(runs):
    run = runs("done", [0.5, 0.6], checkpoint=bytes(5000))
    with alone(run.lock):
        assert "another embedtune" in next(iter(clean_runs().kept.values()))
    assert run.checkpoints.is_dir()


def test_a_run_is_found_by_its_name_and_a_misspelling_gets_a_hint(runs):
    runs("first", [0.5, 0.6])
    assert named_run("first").path == named_run("runs/first").path == Path("runs/first")
    with pytest.raises(ConfigError, match="did you mean 'first'"):
        named_run("frist")


def test_a_real_run_is_listed_and_shown(recipe, tmp_path):
    result = train(recipe())
    [card] = list_runs(str(tmp_path)).runs
    on_disk = sum(path.stat().st_size for path in Path(result.run).rglob("*") if path.is_file())
    assert (card.disk_bytes, card.steps, card.state, card.spare_bytes) == (on_disk, 2, "done", 0)
    assert card.after == result.verdict.after and card.difference == result.verdict.difference
    values = [json.loads(line) for line in (Path(result.run) / "per_query.jsonl").read_text().splitlines()]
    used = [line["after"]["ndcg@10"] for line in values if line["unseen"]]
    assert card.after == pytest.approx(np.mean(used), abs=1e-6)
    shown = show_run(str(result.run))
    assert shown.result is not None and str(result) in str(shown)
    assert "started from" in str(shown) and "starter" in str(shown)
