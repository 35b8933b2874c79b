"""The table that transformers logs is read in full, with colours or without, and says which weights would be random."""

import pytest
from torch import nn
from transformers.utils.loading_report import LoadStateDictInfo

from embedtune.errors import ModelError
from embedtune.models.files.load_report import LoadReport, demand_all_weights, left_out, remarks

COLOURS = [False, True]


def logged(monkeypatch: pytest.MonkeyPatch, colour: bool, **keys: set) -> str:
    """The message as the installed transformers writes it."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: colour, raising=False)
    info = LoadStateDictInfo(
        missing_keys=keys.get("missing", set()),
        unexpected_keys=keys.get("unexpected", set()),
        mismatched_keys=keys.get("mismatched", set()),
        error_msgs=[],
        conversion_errors={},
        skipped_pp_keys=set(),
    )
    return f"\x1b[1mBertModel LOAD REPORT\x1b[0m from: m\n{info.create_loading_report()}"


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("width", ["40", "400"])
def test_every_row_is_read(monkeypatch: pytest.MonkeyPatch, colour: bool, width: str):
    monkeypatch.setenv("COLUMNS", width)
    message = logged(
        monkeypatch,
        colour,
        missing={"layer.0.weight", "layer.1.weight", "a.b"},
        unexpected={"cls.bias"},
        mismatched={("c.d", (2, 3), (4, 3))},
    )
    report = LoadReport.read(["something else | MISSING |", message])
    assert report.missing == ("a.b", "layer.{0, 1}.weight")
    assert report.unexpected == ("cls.bias",)
    assert report.mismatched[0].startswith("c.d")


def test_a_healthy_model_reports_nothing():
    assert LoadReport.read([]) == LoadReport()
    demand_all_weights(LoadReport(), "m", "model", None, pooler=True)
    assert left_out(LoadReport()) == ""


def test_the_pooler_counts_only_where_it_is_used():
    report = LoadReport(missing=("pooler.dense.weight",))
    demand_all_weights(report, "m", "model", None, pooler=False)
    with pytest.raises(ModelError, match=r"pooler.dense.weight") as caught:
        demand_all_weights(report, "m", "--guide", None, pooler=True)
    assert caught.value.where == "--guide"


def test_further_layers_are_told_from_heads():
    model = nn.ModuleDict({"layer": nn.ModuleList([nn.Linear(2, 2)])})
    demand_all_weights(LoadReport(unexpected=("head.weight", "layer.0.norm.weight")), "m", "model", model, pooler=False)
    with pytest.raises(ModelError, match=r"does not count.*: layer.\{1, 2\}.weight"):
        demand_all_weights(LoadReport(unexpected=("layer.{1, 2}.weight",)), "m", "model", model, pooler=False)


def test_remarks_are_short_and_said_once():
    heard = ["x is ignored\nmore", "x is ignored\nmore", "`a` is deprecated", "M LOAD REPORT", "", "y " * 500]
    first, second = remarks(heard, "m")
    assert first == "m: while it was loaded, the library warned: x is ignored"
    assert len(second) < 400
