"""The public card of a run: its figures with intervals, and nothing of the data or the machine."""

from pathlib import Path

import yaml

from embedtune.evaluation.verdicts.significance import Comparison
from embedtune.findings import Finding
from embedtune.models.folders.licence import front_matter, licence_of
from embedtune.reports.results.train import TrainResult, WeightedLoss
from embedtune.reports.sections.hub_card import hub_card

CARD = "---\nlibrary_name: sentence-transformers\ntags:\n- embedtune\n---\n# A model\n\nHow to use it.\n"
SECRET = "the customer's own words"


def result(**more: object) -> TrainResult:
    verdict = Comparison("ndcg@10", "unseen", 300, 0.41, 0.52, 0.11, (0.09, 0.13), 0.0001, 0.02, "better")
    fields = {
        "run": "/home/kim/runs/a", "model": "/home/kim/runs/a/model", "losses": (WeightedLoss("gist", 1.0),),
        "steps": 30, "epochs": 2.0, "examples_per_s": 1.0,
        "elapsed_s": 1.0, "peak_memory_bytes": 1, "before": {}, "after": {},
        "before_unseen": None, "after_unseen": None, "verdict": verdict, "test_queries": 300, "unseen_queries": 300,
        "described": ("read 48 pairs from /home/kim/secret/pairs.jsonl", "columns: <b>x</b> | y"),
        "findings": (Finding("odd", "note", 1, f"one row: {SECRET}", examples=(SECRET,)),),
        "metrics": (
            {"metric": "ndcg@10", "a": 0.41, "b": 0.52, "difference": 0.11, "interval": (0.09, 0.13), "p_value": 0.0001,
             "p_holm": 0.0001, "verdict": "better"},
        ),
        "facts": {"versions": {"torch": "2"}, "data_sha256": {"/home/kim/secret/pairs.jsonl": "ab12"}},
    }  # fmt: skip
    return TrainResult(**(fields | more))


def test_the_card_has_the_figures_and_none_of_the_data() -> None:
    made = hub_card(result(), CARD, {"training": {"epochs": 2}}, "owner/base", "mit")
    assert front_matter(made) == {
        "license": "mit", "base_model": "owner/base", "library_name": "sentence-transformers", "tags": ["embedtune"],
    }  # fmt: skip
    assert "| nDCG@10 | 0.410 | 0.520 | +0.110 (+0.090 to +0.130) | better |" in made
    assert "read 48 pairs from pairs.jsonl" in made and "SHA-256 of `pairs.jsonl`: `ab12`" in made
    assert (
        "How to use it." in made
        and yaml.safe_load(made.split("```yaml\n")[1].split("```")[0])["training"]["epochs"] == 2
    )
    assert SECRET not in made and "kim" not in made and "<b>" not in made


def test_a_prompt_cannot_leave_the_recipe() -> None:
    made = hub_card(result(), CARD, {"model": {"prompts": {"query": "```\n<b>"}}}, None, None)
    inside = made.split("````yaml\n")[1].split("\n````\n")[0]
    assert yaml.safe_load(inside)["model"]["prompts"]["query"] == "```\n<b>"


def test_a_run_without_a_test_says_so() -> None:
    made = hub_card(result(verdict=None, metrics=()), CARD, {}, None, None)
    assert "It was not tested" in made and "| metric |" not in made
    assert "license" not in front_matter(made)


def test_only_a_licence_that_is_a_name_is_read(tmp_path: Path) -> None:
    for text, expected in (
        ("---\nlicense: apache-2.0\n---\n", "apache-2.0"),
        ("---\nlicense: [a]\n---\n", None),
        ("---\nlicense: 'x\\nbase_model: evil'\n---\n", None),
        ("---\nlicense: : :\n---\n", None),
        ("no front matter", None),
    ):
        (tmp_path / "README.md").write_text(text)
        assert licence_of(tmp_path) == expected
    assert licence_of(None) is None
