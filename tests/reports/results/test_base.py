"""Results as plain objects and back, and that every verb has a result, a report and a table of one name."""

import json
from importlib import import_module
from pathlib import Path

import pytest

import embedtune.reports.results as results
from embedtune.reports.results.base import VerbResult, from_plain
from embedtune.reports.results.compare import CompareResult
from embedtune.reports.results.doctor import Diagnosis
from embedtune.reports.results.encode import EncodeResult
from embedtune.reports.results.train import TrainResult

VERBS = sorted(path.stem for path in Path(results.__path__[0]).glob("[a-z]*.py") if path.stem != "base")


@pytest.mark.parametrize("name", ["trained", "evaluated", "compared", "mined"])
def test_a_result_is_read_back_from_its_json(name: str, request: pytest.FixtureRequest) -> None:
    result: VerbResult = request.getfixturevalue(name)
    plain = json.loads(json.dumps(result.as_json()))
    again = type(result).from_json(plain)
    assert json.loads(json.dumps(again.as_json())) == plain
    assert str(again) == str(result)


@pytest.mark.parametrize("verb", VERBS)
def test_the_report_of_each_result_has_its_table(verb: str) -> None:
    assert callable(import_module(f"embedtune.reports.{verb}").table)


def test_the_folders_of_reports_and_results_hold_the_same_verbs() -> None:
    reports = Path(results.__path__[0]).parent
    assert sorted(path.stem for path in reports.glob("[a-z]*.py")) == VERBS


def test_unknown_keys_are_ignored_and_missing_ones_refused(trained: TrainResult) -> None:
    plain = trained.as_json()
    assert TrainResult.from_json(plain | {"new": 1}).run == trained.run
    del plain["run"]
    with pytest.raises(TypeError, match="run"):
        TrainResult.from_json(plain)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [({"verdict": 3}, r"an object was expected, got a number \(3\)"), ({"findings": "x"}, "a list was expected")],
)
def test_a_part_of_another_type_is_refused(trained: TrainResult, changes: dict, expected: str) -> None:
    with pytest.raises(TypeError, match=expected):
        TrainResult.from_json(trained.as_json() | changes)


def test_the_keys_of_a_comparison_are_flat_and_in_order(compared: CompareResult) -> None:
    keys = list(compared.as_json())
    assert keys[:3] == ["metric", "a", "b"] and keys[-2:] == ["report", "items"]
    assert [one.verdict for one in compared.verdicts] == ["better", "worse"]


def test_an_encoding_prints_as_two_lines() -> None:
    result = EncodeResult("v.npy", 1200, 256, 1.0, 200, "document")
    assert str(result) == "1,200 vectors of 256 dimensions, 200 of them from the store\n\noutput  v.npy"
    assert "store" not in str(EncodeResult("v.npy", 1, 1, 1.0, 0, "query"))


def test_a_diagnosis_prints_its_facts() -> None:
    plain = {
        "system": "Linux",
        "versions": [{"name": "torch", "version": None, "required": ">=2", "supported": False}],
        "processor": {"name": "chip", "cores": 8, "usable": 4, "quota": 1.5, "instructions": ["avx2"]},
        "devices": [
            {
                **{"device": "cpu", "name": "the processor", "memory_bytes": None, "free_bytes": None},
                **{"precision": "fp32", "reason": "no bf16", "peaks": {"fp32": 7.2e10}, "bandwidth": 2e10},
            }
        ],
        "torch": {"cuda": None, "hip": None, "nvidia_driver": False, "visible_gpus": None},
        "threads": [],
        "settings": [{"name": "threads", "value": "4", "source": "default", "reason": ""}],
        "memory": {"total_bytes": None, "limit_bytes": 2**30, "available_bytes": 2**29},
        "places": [{"use": "runs", "folder": "/x", "free_bytes": None, "writable": False}],
        "store": {"folder": "/s", "size_bytes": 0, "cap_bytes": 2**32},
        "hub": {"offline": True, "said": ["HF_HUB_OFFLINE=1"], "folder": "/h"},
        "findings": [],
        "verdict": "clean",
    }
    text = " ".join(str(from_plain(Diagnosis, plain)).split())
    for part in (
        "torch (missing)",
        "chip: 4 of 8 usable, limited to the time of 1.5",
        "auto uses fp32: no bf16 72 GFLOP/s in fp32, memory 20.0 GB/s",
        "512 MiB free of unknown; the container may use 1.0 GiB",
        "/x (not writable)",
        "not contacted: HF_HUB_OFFLINE=1",
    ):
        assert part in text
