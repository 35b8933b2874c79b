"""Runs on scored pairs and on several sets, from data to report."""

import json

import numpy as np
import pytest
from scipy.stats import spearmanr

from embedtune.config.sections.encoder import EncoderSection
from embedtune.models.encode.encode import encode
from embedtune.models.files.load import load_encoder
from embedtune.reports.document.markdown import markdown
from embedtune.reports.train import training
from embedtune.workflows.train.plan import plan_config
from embedtune.workflows.train.run import run_plan
from embedtune.workflows.train.sets.dev import DEV, KEPT, MEAN


@pytest.fixture(scope="module")
def sts(tmp_path_factory):
    """Scored pairs in three splits: the more words two sentences share, the higher the score."""
    folder, draw = tmp_path_factory.mktemp("sts"), np.random.default_rng(0)
    words = [f"word{number}" for number in range(60)]
    for split, count in (("train", 300), ("dev", 60), ("test", 80)):
        lines = []
        for _ in range(count):
            first, shared = draw.permutation(words)[:6].tolist(), int(draw.integers(0, 6))
            second = [*first[:shared], *draw.permutation(words)[: 6 - shared].tolist()]
            lines.append(json.dumps({"sentence1": " ".join(first), "sentence2": " ".join(second), "score": shared}))
        (folder / f"{split}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def run(config, listener):
    return run_plan(plan_config(config, talk=listener), talk=listener)


def test_scored_pairs_are_judged_by_a_paired_test_over_pairs(recipe, sts, listener):
    result = run(recipe(data=str(sts), max_steps=6, batch_size=32), listener)
    assert [one.name for one in result.losses] == ["cosent"] and any("loss: cosent" in said for said in listener.said)
    assert (result.verdict.metric, result.verdict.items, result.test_queries) == ("spearman", "pairs", 80)
    tests = [json.loads(line) for line in (sts / "test.jsonl").read_text(encoding="utf-8").splitlines()]
    encoder = load_encoder(EncoderSection(name=result.model), device="cpu")
    first, second = (encode(encoder, [one[key] for one in tests], role="query") for key in ("sentence1", "sentence2"))
    cosines = (first * second).sum(axis=1) / np.linalg.norm(first, axis=1) / np.linalg.norm(second, axis=1)
    expected = spearmanr(cosines, [one["score"] for one in tests]).statistic
    assert result.after["spearman"] == pytest.approx(expected, abs=1e-6)
    assert result.verdict.difference == pytest.approx(result.after["spearman"] - result.before["spearman"])
    for _, scores in result.dev_curve:
        assert scores[MEAN] == pytest.approx((scores[DEV] + scores[KEPT]) / 2)
    said = markdown(training(result))
    assert "all test pairs (80)" in said.lower() and "queries" not in result.verdict.sentence


def test_every_set_has_a_row_of_its_own_with_holms_adjustment(recipe, sts, pairs, listener, tmp_path):
    result = run(recipe(data=[f"faq={pairs}", f"scored={sts}:2"], max_steps=6, batch_size=16), listener)
    assert [row["set"] for row in result.sets] == ["faq", "scored"]
    assert [row["metric"] for row in result.sets] == ["ndcg@10", "spearman"]
    small, large = sorted(row["p_value"] for row in result.sets)
    adjusted = {small: min(1.0, 2 * small), large: max(min(1.0, 2 * small), large)}  # Holm, by hand
    assert [row["p_holm"] for row in result.sets] == pytest.approx([adjusted[row["p_value"]] for row in result.sets])
    assert result.verdict.metric == "ndcg@10"
    assert "scored: loss: cosent" in " ".join(listener.said)
    assert "## Set by set" in markdown(training(result))
    assert set(result.dev_curve[0][1]) == {MEAN, "logrank@faq", "spearman@scored"}
    log = (tmp_path / "run" / "metrics.jsonl").read_text(encoding="utf-8")
    assert '"cosent"' in log and '"gist"' in log


def test_a_recipe_may_list_its_sets(recipe, sts, pairs, tmp_path, listener):
    path = tmp_path / "two.yaml"
    path.write_text(
        f"data:\n  - {{source: '{pairs}', name: faq}}\n"
        f"  - {{source: '{sts}', loss: [{{name: cosine}}], weight: 0.5}}\n",
        encoding="utf-8",
    )
    from embedtune.config.recipe.load import load
    from embedtune.config.verbs.train import TrainConfig

    config = load(TrainConfig, str(path), [], {})
    assert (config.data.source, config.data.name) == (str(pairs), "faq")
    assert [one.loss[0].name for one in config.data.further] == ["cosine"]
    plan = plan_config(config, talk=listener)
    assert plan.config.data.further[0].grades and not plan.config.data.grades
