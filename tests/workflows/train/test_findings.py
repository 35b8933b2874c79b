"""What a finished run tells about itself."""

import json
from dataclasses import replace

import pytest

from embedtune.training.guide.audit import GuideAudit, MarginEffect
from embedtune.training.run.fit import FitResult
from embedtune.workflows.train.findings import run_findings
from embedtune.workflows.train.guide.guiding import Guiding

FIT = FitResult(steps=10, epochs=1.0, elapsed_s=1.0, examples_per_s=1.0, best_step=10, curve=((10, {"ndcg@10": 0.5}),))
CAREFUL = MarginEffect(margin=0.0, masked_share=0.01, found_share=None)
AUDIT = GuideAudit(
    pairs=100, batch_size=50, positive_first_share=0.9, masked_share=0.01, margin=0.1, others=9900, effects=(CAREFUL,)
)


@pytest.fixture
def codes(tmp_path):
    """The codes of what is found, all being well but for what is given."""

    def find(fitted=FIT, audit=AUDIT, chosen=None, shares=(0.0,)) -> list[str]:
        metrics = tmp_path / "metrics.jsonl"
        metrics.write_text(
            "".join(json.dumps({"step": i, "gist.empty_share": share}) + "\n" for i, share in enumerate(shares))
            + json.dumps({"step": 9, "eval_ndcg@10": 0.5})
            + "\n",
            encoding="utf-8",
        )
        return [one.code for one in run_findings(fitted, Guiding("m", audits=[audit], chosen=chosen), metrics)]

    return find


def test_nothing_to_tell(codes) -> None:
    assert codes() == []


@pytest.mark.parametrize(("best", "found"), [(4, []), (10, ["best-model-lost"]), (None, ["best-model-lost"])])
def test_a_best_model_that_was_lost(codes, best, found) -> None:
    curve = ((4, {"logrank@1000": 0.7}), (10, {"logrank@1000": 0.6}))
    told = codes(fitted=replace(FIT, steps=10, best_step=best, curve=curve))
    assert [code for code in told if code != "best-model-early"] == found


@pytest.mark.parametrize(("best", "found"), [(5, ["best-model-early"]), (6, []), (None, [])])
def test_a_best_model_in_the_first_half(codes, best, found) -> None:
    assert codes(fitted=replace(FIT, best_step=best)) == found


def test_a_guide_that_ranks_or_masks_badly(codes) -> None:
    heavy = replace(AUDIT, effects=(replace(CAREFUL, masked_share=0.06),))
    assert codes(audit=replace(AUDIT, separation=0.6)) == ["weak-guide"]
    assert codes(audit=heavy) == ["weak-guide"]
    assert codes(audit=heavy, chosen={"margin": 0.1}) == []


def test_rows_whose_negatives_were_all_masked(codes) -> None:
    assert codes(shares=(0.0, 0.05, 0.1)) == []
    assert codes(shares=(0.1, 0.2, 0.3)) == ["rows-without-negatives"]
