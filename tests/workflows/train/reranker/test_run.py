"""A cross-encoder from pairs alone: what reranking adds is judged, and an interrupted training ends the same."""

import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest

from embedtune.config.sections.learned_data import DataSection
from embedtune.data.prepare import prepare
from embedtune.errors import ConfigError, Interrupted
from embedtune.evaluation.verdicts.significance import compare_paired
from embedtune.training.reranker import records
from embedtune.workflows.runs.cards import card_of
from embedtune.workflows.shared.run_folder import RunFolder
from embedtune.workflows.shared.talk import Silence
from embedtune.workflows.train.plan import plan_command
from embedtune.workflows.train.reranker import run
from embedtune.workflows.train.reranker.run import weak_reranker
from embedtune.workflows.train.run import run_plan, train


def short(recipe, bert_folder, *keys, **options):
    given = {"model": str(bert_folder), "task": "reranker", "max_steps": 6, "batch_size": 8, "guard": ["none"]}
    return recipe("training.evaluate_every=3", "reranker.depth=4", *keys, **{**given, **options})


def test_it_learns_from_pairs_alone_and_says_what_reranking_adds(recipe, bert_folder, listener, tmp_path) -> None:
    from sentence_transformers import CrossEncoder

    result = train(short(recipe, bert_folder), talk=listener)
    assert [(one.name, one.weight) for one in result.losses] == [("listnet", 1.0)]
    assert result.verdict is not None
    assert set(result.before) == set(result.after)
    # Reordering four documents cannot change what is among the first ten.
    assert result.before["recall@10"] == result.after["recall@10"]
    assert [step for step, _ in result.dev_curve] == [3, 6]
    peer = CrossEncoder(str(tmp_path / "run" / "model"), device="cpu", local_files_only=True)
    ranked = _first_four(tmp_path / "run" / "after.trec")
    (mix,) = {json.loads((tmp_path / "run" / "model" / "embedtune_reranking.json").read_text())["cosine_weight"]}
    cosines = {query: _scores(tmp_path / "run" / "before.trec")[query] for query in ranked}
    texts = _texts(tmp_path / "pairs.jsonl")
    questions = {line["query"]: line["text"] for line in _lines(tmp_path / "run" / "per_query.jsonl")}
    for query, documents in ranked.items():
        found = peer.predict([(questions[query], texts[document]) for document in documents])
        found += mix * np.array([cosines[query][document] for document in documents], dtype=np.float32)
        assert np.all(np.diff(found) <= 1e-6 * max(1.0, mix))
    assert "CrossEncoder" in "\n".join(result.how_to_use)
    assert any("negatives: the nearest training documents" in said for said in listener.said)
    (dev,) = (said for said in listener.said if said.startswith("dev nDCG@10"))
    assert f"{result.dev_curve[[3, 6].index(result.best_step)][1]['ndcg@10']:.3f} reranked by its score" in dev
    assert "a reranker for what" in (tmp_path / "run" / "report.html").read_text("utf-8")
    assert any(line.startswith(dev) and "chosen on the same" in line for line in result.described)
    assert card_of(RunFolder(tmp_path / "run")).losses == "reranker"
    assert result.tokens_per_s is None  # they are not counted
    assert not any("none was named" in said for said in listener.said)  # its loss is not one of ours
    assert RunFolder(tmp_path / "run").has_model
    assert RunFolder(tmp_path / "run").result().how_to_use == result.how_to_use


def _lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _first_four(path: Path) -> dict[str, list[str]]:
    ranked: dict[str, list[str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        query, _, document, *_ = line.split()
        ranked.setdefault(query, []).append(document)
    return {query: documents[:4] for query, documents in ranked.items()}


def _scores(path: Path) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        query, _, document, _, score, _ = line.split()
        found.setdefault(query, {})[document] = float(score)
    return found


def _texts(path: Path) -> dict[str, str]:
    data = prepare(DataSection(source=str(path)), 0)
    return dict(data.test.corpus)


def test_an_interrupted_training_ends_the_same(recipe, bert_folder, listener, tmp_path, monkeypatch) -> None:
    from safetensors.torch import load_file

    train(short(recipe, bert_folder, output="whole"), talk=listener)
    log = records.PairLog.on_log
    asked: list[object] = []

    def stopping(self, args, state, control, **parts):
        log(self, args, state, control, **parts)
        if state.global_step == 4 and not asked:
            asked.append(state)
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(records.PairLog, "on_log", stopping)
    config = short(recipe, bert_folder, output="part")
    with pytest.raises(Interrupted, match="interrupted after step"):
        train(config, talk=listener)
    part = RunFolder(tmp_path / "part")
    assert part.trained and not part.done
    # As the command does: by the recipe in the folder, which names every key.
    result = run_plan(plan_command(None, (), {}, talk=listener, resume=str(part.path)), talk=listener)
    assert result.steps == 6
    whole, part = (load_file(tmp_path / name / "model" / "model.safetensors") for name in ("whole", "part"))
    assert whole.keys() == part.keys()
    assert all(np.array_equal(whole[name].numpy(), part[name].numpy()) for name in whole)


def test_it_trains_and_is_scored_in_bf16_where_asked(recipe, bert_folder, listener, tmp_path, monkeypatch) -> None:
    from safetensors.torch import load_file

    monkeypatch.setattr(run, "SAME", 1e-6)  # of scores in fp32, as everybody else computes them
    keys = ("training.precision=bf16", "training.scoring_precision=bf16")
    train(short(recipe, bert_folder, *keys, output="bf16"), talk=listener)
    assert any("bf16 (as asked), dev and test in bf16, too" in said for said in listener.said)
    train(short(recipe, bert_folder, "training.precision=fp32", output="fp32"), talk=listener)
    fast, exact = (load_file(tmp_path / name / "model" / "model.safetensors") for name in ("bf16", "fp32"))
    assert all(value.dtype == exact[name].dtype for name, value in fast.items())
    assert any(not np.array_equal(value.numpy(), exact[name].numpy()) for name, value in fast.items())


def test_a_loss_that_is_asked_for_is_refused_and_not_ignored() -> None:
    with pytest.raises(ConfigError, match="no loss of ours"):
        plan_command(None, (), {"task": "reranker", "model": "some-model", "loss": ["gist"]}, talk=Silence())


def test_a_reranker_that_ranks_worse_is_not_recommended() -> None:
    plain = np.linspace(0.2, 0.6, 60)
    worse, level, better = (compare_paired(plain, plain + gain, metric="ndcg@10") for gain in (-0.1, 0.0, 0.1))
    (found,) = weak_reranker(worse, 350)
    assert (found.code, found.severity) == ("weak-reranker", "warning")
    assert "350 pairs" in found.message
    assert weak_reranker(level, 350) == weak_reranker(better, 350) == weak_reranker(None, 350) == []


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"model": "starter"}, "a starter is static"),
        ({"loss": ["infonce"]}, "only encoders can use this: --loss"),
        ({"side": "query"}, "only encoders can use this: --side query"),
        ({"guide": "another-model"}, "only encoders can use this: --guide"),
        ({"teacher": "another-model"}, "only encoders can use this: --teacher"),
    ],
)
def test_what_makes_no_sense_is_refused(recipe, bert_folder, options, what) -> None:
    with pytest.raises(ConfigError, match=what):
        train(short(recipe, bert_folder, **options))


def test_every_pair_gets_its_backward_pass(recipe, bert_folder) -> None:
    with pytest.raises(ConfigError, match=r"only encoders can use this: training\.skip_below"):
        train(short(recipe, bert_folder, "training.skip_below=0.1"))
