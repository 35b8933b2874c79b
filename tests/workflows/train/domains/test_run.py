"""Domains one after the other: what is learned from, what is measured, and how a killed run ends.

The scores of the matrix are compared with `evaluate` on the saved models, which is another path to the same number.
"""

import json
import os
import signal
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from embedtune.config.recipe.load import load
from embedtune.config.sections.encoder import EncoderSection
from embedtune.config.verbs.evaluate import EvaluateConfig
from embedtune.errors import ConfigError, Interrupted
from embedtune.models.encode.encode import encode
from embedtune.models.files.load import load_encoder
from embedtune.workflows.evaluate.run import evaluate
from embedtune.workflows.shared.run_folder import RunFolder
from embedtune.workflows.shared.talk import Silence
from embedtune.workflows.train.run import train
from tests.workflows.conftest import TOPICS, lines
from tests.workflows.test_kill import in_a_fork

PRODUCTS = ("계좌", "card")
ANSWERS = ("alpha", "beta", "gamma", "delta", "kappa", "sigma", "omega", "theta")
STAGES = ("1-계좌", "2-card")


@pytest.fixture
def help_desk(tmp_path: Path) -> Path:
    """160 pairs of two products, in which the same topic is answered with another word."""
    path = tmp_path / "desk.jsonl"
    path.write_text(
        lines(
            {
                "anchor": f"How about {TOPICS[i % 8]} {i}?",
                "positive": f"{ANSWERS[(i + 3 * (i // 8 % 2)) % 8]}, number {1000 + i}.",
                "product": PRODUCTS[i // 8 % 2],
            }
            for i in range(160)
        ),
        encoding="utf-8",
    )
    return path


@pytest.fixture
def config(recipe, help_desk):
    """Eight steps per domain."""
    short = {"data": str(help_desk), "loss": ["infonce"], "max_steps": 8, "guard": ["none"], "domains": "product"}
    return lambda *overrides, **options: recipe("training.evaluate_every=2", *overrides, **{**short, **options})


def test_all_domains_are_scored_after_each(config, help_desk: Path, tmp_path: Path) -> None:
    result = train(config(replay=12, joint=True, lr=0.01)).as_json()
    run, found = tmp_path / "run", result["forgetting"]
    assert found["names"] == PRODUCTS
    tested = [json.loads(line) for line in (run / "per_query.jsonl").read_text(encoding="utf-8").splitlines()]
    product = {json.loads(line)["anchor"]: json.loads(line)["product"] for line in help_desk.open(encoding="utf-8")}
    of = np.array([product[line["text"]] for line in tested])
    for when, row in (("before", found["start"]), ("after", result["domains"][-1])):
        values = np.array([line[when]["ndcg@10"] for line in tested])
        assert row == pytest.approx([values[of == name].mean() for name in PRODUCTS], abs=1e-5)
    first, last = result["domains"]
    assert found["score"]["value"] == pytest.approx(first[0] - last[0])
    assert found["backward"]["value"] == pytest.approx(last[0] - first[0])
    assert found["forward"]["value"] == pytest.approx(first[1] - found["start"][1])
    assert found["learned"]["value"] == pytest.approx((first[0] + last[1]) / 2)
    assert found["final"]["value"] == pytest.approx(sum(last) / 2)
    assert len(found["joint"]) == 2
    stages = [RunFolder(run / "domains" / name) for name in STAGES]
    assert sum(one.facts()["rows"]["count"] for one in stages) == 128 + 12  # four fifths of the rows, and those kept
    assert all(one.done for one in stages)
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "One domain after the other" in page and 'class="marked"' in page
    # Another path to the same score: the model of the run on its own test queries.
    (tmp_path / "beir/qrels").mkdir(parents=True)
    rows = [json.loads(line) for line in help_desk.open(encoding="utf-8")]
    number = {row["anchor"]: place for place, row in enumerate(rows)}
    corpus = [{"_id": f"d{place}", "title": "", "text": row["positive"]} for place, row in enumerate(rows)]
    (tmp_path / "beir/corpus.jsonl").write_text(lines(corpus), encoding="utf-8")
    asked = [line["text"] for line in tested]
    queries = [{"_id": f"q{number[text]}", "text": text} for text in asked]
    (tmp_path / "beir/queries.jsonl").write_text(lines(queries), encoding="utf-8")
    judged = "".join(
        f"q{number[text]}\td{place}\t1\n" for text in asked for place, row in enumerate(rows) if row["anchor"] == text
    )
    (tmp_path / "beir/qrels/test.tsv").write_text("query-id\tcorpus-id\tscore\n" + judged, encoding="utf-8")
    options = {
        "data": [str(tmp_path / "beir")],
        "model": [result["model"]],
        "store": "none",
        "output": str(tmp_path / "e"),
    }
    scored = evaluate(load(EvaluateConfig, options=options)).models[0]
    assert scored["metrics"]["ndcg@10"] == pytest.approx(result["after"]["ndcg@10"], abs=1e-6)


def test_a_done_run_is_read_again(config, tmp_path: Path) -> None:
    first = train(config(max_steps=2))
    again = train(config(max_steps=2), resume=RunFolder(tmp_path / "run"))
    assert json.dumps(again.as_json()) == json.dumps(first.as_json())


class KilledLater(Silence):
    """Ends the process at a step of the second training that it hears of."""

    def __init__(self, step: int | None) -> None:
        self._step, self._trainings = step, 0

    @contextmanager
    def progress(self, description, total=None):
        self._trainings += description == "training"

        def tell(done: int, *_: object) -> None:
            if description == "training" and self._trainings == 2 and done == self._step:
                os.kill(os.getpid(), signal.SIGKILL)

        yield tell


@pytest.mark.skipif(sys.platform == "win32", reason="no fork and no SIGKILL")
def test_a_run_killed_in_its_second_domain_ends_as_if_nothing_had_happened(config, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("tests.workflows.test_kill.Killer", KilledLater)
    recipe = config("training.checkpoint_every=1", replay=12, lr=0.01)
    recipe = recipe.model_copy(update={"output": recipe.output.model_copy(update={"folder": "run"})})
    for place in ("whole", "killed"):
        (tmp_path / place).mkdir()
    monkeypatch.chdir(tmp_path / "whole")
    assert in_a_fork(recipe, Path("run"), None) == 0
    monkeypatch.chdir(tmp_path / "killed")
    assert in_a_fork(recipe, Path("run"), 2) == -signal.SIGKILL
    assert RunFolder(Path("run/domains") / STAGES[0]).done
    second = RunFolder(Path("run/domains") / STAGES[1])
    assert second.trained and not second.done
    assert in_a_fork(recipe, Path("run"), None) == 0
    whole, killed = (tmp_path / place / "run" for place in ("whole", "killed"))
    files = ("model/model.safetensors", "per_query.jsonl", *(f"domains/{name}/all_domains.json" for name in STAGES))
    for file in files:
        assert (whole / file).read_bytes() == (killed / file).read_bytes(), file
    own = [(whole / "domains" / name / "model/model.safetensors").read_bytes() for name in STAGES]
    assert own[0] != own[1]  # the second domain changed the model, so there was something to lose
    first, second = (json.loads((folder / "report.json").read_text(encoding="utf-8")) for folder in (whole, killed))
    assert first["domains"] == second["domains"] and first["forgetting"] == second["forgetting"]


def test_an_interruption_says_how_to_go_on_and_keeps_the_first_domain(config, tmp_path: Path, monkeypatch) -> None:
    class Interrupting(Silence):
        def say(self, text: str) -> None:
            if text.startswith("domain 2"):
                raise KeyboardInterrupt

    with pytest.raises(Interrupted, match="up to the last checkpoint") as caught:
        train(config(max_steps=2), talk=Interrupting())
    assert "--resume" in caught.value.next and (tmp_path / "run/domains" / STAGES[0] / "report.json").is_file()


@pytest.mark.parametrize(
    ("overrides", "options", "said"),
    [
        ((), {"domains": "data"}, "one --data"),
        ((), {"side": "query"}, "--side query"),
        ((), {"texts_only": True}, "--texts-only"),
        (("domains.distill=1",), {"loss": ["infonce", "align"], "teacher": "starter"}, "another teacher"),
        (("domains.distill=1",), {"loss": ["infonce", "byol"]}, "another teacher"),
    ],
)
def test_what_cannot_go_together_is_refused(config, overrides, options, said) -> None:
    with pytest.raises(ConfigError, match=said):
        train(config(*overrides, **options))


def test_replay_without_domains_is_a_mistake(recipe) -> None:
    with pytest.raises(ConfigError, match="what the domains are"):
        recipe(replay=20)


def test_what_the_model_before_said_is_kept_by_distilling(config, help_desk: Path, tmp_path: Path) -> None:
    texts = [json.loads(line)["anchor"] for line in help_desk.open(encoding="utf-8")]
    moved = []
    for weight in (0, 30):
        output = str(tmp_path / f"run-{weight}")
        train(config(f"domains.distill={weight}", lr=0.05, output=output))
        stages = [RunFolder(Path(output) / "domains" / name) for name in STAGES]
        models = [load_encoder(EncoderSection(name=str(one.model)), device="cpu") for one in stages]
        first, second = (encode(model, texts, role="query") for model in models)
        moved.append(float(1 - (first * second).sum(axis=1).mean()))
        recipes = [one.result().recipe for one in stages]
        # Only a domain that follows another has a model to be like.
        assert ["align" in recipe for recipe in recipes] == [False, weight > 0]
        assert (str(stages[0].model) in recipes[1].split("teacher:")[-1]) is (weight > 0)
    assert moved[1] < moved[0] / 2


def test_each_data_set_is_a_domain_with_its_own_corpus(recipe, help_desk: Path, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in help_desk.open(encoding="utf-8")]
    for product, name in zip(PRODUCTS, ("one", "two"), strict=True):
        (tmp_path / f"{name}.jsonl").write_text(
            lines(row for row in rows if row["product"] == product), encoding="utf-8"
        )
    sets = [str(tmp_path / f"{name}.jsonl") for name in ("one", "two")]
    options = {"loss": ["infonce"], "guard": ["none"], "domains": "data", "replay": 5, "joint": True}
    result = train(recipe(data=sets, **options)).as_json()
    assert result["forgetting"]["names"] == ("one", "two") and result["test_queries"] == 16
    tested = [json.loads(line) for line in (tmp_path / "run/per_query.jsonl").read_text(encoding="utf-8").splitlines()]
    first = [line for line in tested if line["query"].startswith("one: ")]
    assert {line["candidates"].partition(":")[0] for line in first} == {"80"}
    values = [line["after"]["ndcg@10"] for line in first]
    assert result["domains"][-1][0] == pytest.approx(np.mean(values), abs=1e-5)
    assert len(result["forgetting"]["joint"]) == 2
