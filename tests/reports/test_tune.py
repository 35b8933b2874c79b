"""The report of a race, from a result that was written by hand."""

from dataclasses import replace

import pytest

from embedtune.evaluation.verdicts.significance import Comparison
from embedtune.racing.more_data import LearningCurve
from embedtune.reports.document.html import page
from embedtune.reports.document.markdown import markdown
from embedtune.reports.results.tune import ArmTest, GainOnBoth, RacedArm, RacedRound, SpentBudget, TuneResult
from embedtune.reports.tune import tuning

METRIC = "logrank@1000"


def arm(name: str, left: str, dev: float, p_value: float | None, *changes: str) -> RacedArm:
    return RacedArm(
        name=name, changes=changes, price=1.0, steps=40, dev={METRIC: dev}, gain=dev - 0.6, left=left,
        p_value=p_value, reason="",
    )  # fmt: skip


def compared(a: str, b: str, difference: float, p_value: float, verdict: str) -> ArmTest:
    return ArmTest(
        a=a, b=b, metric="ndcg@10", before=0.5, after=0.5 + difference, difference=difference,
        interval=(difference - 0.01, difference + 0.01), p_value=p_value, minimum_detectable_effect=0.02,
        verdict=verdict, queries=324,
    )  # fmt: skip


@pytest.fixture
def won() -> TuneResult:
    """A race of five, of which <b>rate x2</b> won."""
    arms = (
        arm("default", "default", 0.70, None),
        arm("<b>rate x2", "winner", 0.74, 0.004, "training.lr=0.02"),
        arm("temperature x2", "behind", 0.65, 0.01, "loss.0.args.temperature=0.1"),
        arm("sigreg added", "no room", 0.69, 0.4, "loss.1.name=sigreg"),
        arm("merged", "final", 0.73, 0.2, "the mean of the weights of the finalists"),
    )
    first = {"default": 0.66, "<b>rate x2": 0.69, "temperature x2": 0.62, "sigreg added": 0.65}
    left = {"temperature x2": "behind", "sigreg added": "no room"}
    race = (
        RacedRound(steps=20, seeds=1, scores=first, left=left),
        RacedRound(steps=40, seeds=3, scores={one["name"]: one["dev"][METRIC] for one in arms[:2]}, left={}),
    )
    verdict = Comparison("ndcg@10", "all", 324, 0.55, 0.58, 0.03, (0.01, 0.05), 0.002, 0.02, "better")
    return TuneResult(
        output="tuned/first", model="tuned/first/model", winner="<b>rate x2", default="default", arms=arms, race=race,
        decision="<b>rate x2 is better than default on dev: +0.0400 (p = 0.004 over 111 queries and 3 seeds).",
        dev=(compared("default", "<b>rate x2", 0.04, 0.004, "better"),), smallest_difference=0.03, verdict=verdict,
        comparisons=(compared("start", "default", 0.05, 0.001, "better"),),
        gains=(GainOnBoth(system="<b>rate x2", metric="ndcg@10", dev=0.09, test=0.08),),
        curve=LearningCurve((100, 200, 400), (0.6, 0.65, 0.7), 0.05, (0.02, 0.08)), queries_needed=1200,
        budget=SpentBudget(
            asked="400steps", steps=400, used_steps=380.0, final_steps=40, full_steps=80, choosing_steps=24, seeds=3,
            spent_s=63.0
        ),
        shared=("Texts were tokenized once.",), elapsed_s=63.0, start={METRIC: 0.6}, metric=METRIC,
        recipe="tuned/first/recipe.yaml", again="embedtune tune tuned/first/tune.yaml --output ANOTHER",
        report="tuned/first/report.html",
    )  # fmt: skip


def test_the_page_shows_the_race_and_who_left_by_which_test(won: TuneResult) -> None:
    shown = page(tuning(won))
    assert "Winner: &lt;b&gt;rate x2" in shown and "<b>rate" not in shown
    assert "<svg" in shown and "temperature x2" in shown and "set aside" in shown
    assert "&lt; 0.001" in shown or "0.001" in shown


def test_lines_end_where_an_arm_left(won: TuneResult) -> None:
    text = page(tuning(won))
    # Heard by screen readers: the first and the last value of each line.
    assert "temperature x2: 0.6 at first, 0.62 at last" in text
    assert "default: 0.6 at first, 0.7 at last" in text


def test_markdown_and_terminal_say_the_same(won: TuneResult) -> None:
    text, terminal = markdown(tuning(won)), str(won)
    for said in ("sigreg added", "Twice the pairs would bring about +0.0500", "about 1,200 queries"):
        assert said in text and said in terminal
    assert "380 of 400 steps" in text and "4 times out of 5" in text


def test_full_runs_after_shorter_ones_are_shown_as_that(won: TuneResult) -> None:
    last = RacedRound(steps=80, seeds=1, scores={"default": 0.75, "<b>rate x2": 0.77}, left={})
    full = compared("default in full", "<b>rate x2 in full", 0.02, 0.01, "better")
    text = markdown(tuning(replace(won, race=(*won.race, last), full=full)))
    assert "in full against default in full" in text and "the last ones full runs" in text
    assert "to settle the default" in text and "24 steps" in text
    assert "last ones full runs" not in markdown(tuning(replace(won, budget={**won.budget, "full_steps": 40})))


def test_a_default_that_is_kept_is_said_to_be(won: TuneResult) -> None:
    kept = replace(won, winner="default", decision="No difference shown: keep default.", curve=None)
    report = tuning(kept)
    assert report.heading == "The default is kept" and report.verdict == "better"
    assert report.lead.startswith("On test, the default is better than the start")


def test_without_a_test_split_there_is_no_verdict(won: TuneResult) -> None:
    report = tuning(replace(won, verdict=None, comparisons=(), gains=()))
    assert report.verdict == "no verdict"


def test_how_intervals_and_p_go_together_is_said_where_there_are_several(won: TuneResult) -> None:
    several = replace(won, dev=(*won.dev, compared("default", "merged", 0.01, 0.046, "better")))
    assert "a little less strict" in page(tuning(several))
    assert "a little less strict" not in page(tuning(won))
