"""Results on stdout."""

import io
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from embedtune.cli.shared.output import print_json, printable


@pytest.mark.parametrize(
    "text", ["plain", "한글 자모 \u1112\u1161\u11ab", "emoji 👩‍👩‍👧", "line\nend\ttab", "naïve “quotes” — dash", "שלום"]
)
def test_text_in_any_script_is_printed_as_it_is(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize("code", [0x00, 0x07, 0x08, 0x0D, 0x1B, 0x7F, 0x9B, 0x202E, 0x2066, 0x2028, 0xDC80])
def test_what_could_act_on_a_terminal_is_escaped(code: int) -> None:
    shown = printable(f"a{chr(code)}b")
    assert chr(code) not in shown
    assert shown == f"a{ascii(chr(code))[1:-1]}b"
    shown.encode("utf-8")


@dataclass(frozen=True)
class Result:
    run: Path
    scores: dict[str, float]
    names: tuple[str, ...]


def test_json_is_one_object_in_json_s_own_types(capsys: pytest.CaptureFixture[str]) -> None:
    result = Result(Path("runs/하나"), {"ndcg@10": np.float32(0.5), "bad": float("nan"), "far": np.inf}, ("a", "b"))
    print_json({"result": result, "ids": np.arange(2), "none": None, "yes": np.bool_(True)})
    out, err = capsys.readouterr()
    assert json.loads(out) == {
        "result": {"run": "runs/하나", "scores": {"ndcg@10": 0.5, "bad": None, "far": None}, "names": ["a", "b"]},
        "ids": [0, 1],
        "none": None,
        "yes": True,
    }
    assert "하나" in out
    assert err == ""


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_json_fits_any_console(monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
    print_json({"text": "한 \udc80"})
    sys.stdout.flush()
    assert json.loads(raw.getvalue().decode(encoding)) == {"text": "한 \udc80"}
