"""`--allow-pickle`: every verb that offers it opens a model saved as a pickle, and none opens one without it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

Call = Callable[..., dict[str, Any]]
VERBS = {
    "train": ("--data", "pairs.jsonl", "--max-steps", "1", "--output", "run", "output.check_saved=here"),
    "mine": ("--data", "pairs.jsonl", "--output", "mined.jsonl"),
    "evaluate": ("--data", "pairs.jsonl", "--output", "evaluated"),
    "check": ("--data", "pairs.jsonl"),
    "encode": ("--data", "pairs.jsonl", "--column", "anchor"),
    "search": ("--data", "pairs.jsonl", "refund"),
}


@pytest.fixture
def pickled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bert_folder: Path) -> str:
    """The tiny BERT as `pytorch_model.bin`, in a folder with pairs to work on."""
    monkeypatch.chdir(tmp_path)
    pairs = [{"anchor": f"refund {i}?", "positive": f"the refund {i} is paid"} for i in range(40)]
    Path("pairs.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
    shutil.copytree(bert_folder, "pickled")
    torch.save(load_file("pickled/model.safetensors"), "pickled/pytorch_model.bin")
    Path("pickled/model.safetensors").unlink()
    return "pickled"


@pytest.mark.parametrize("verb", VERBS)
def test_a_pickle_is_opened_only_when_allowed(verb: str, pickled: str, call: Call) -> None:
    given = ("--model", pickled, "--device", "cpu", *(() if verb == "check" else ("--store", "none")), *VERBS[verb])
    refused = call(verb, *given, code=1)["error"]
    assert "only as pickle (pytorch_model.bin)" in refused["message"]
    assert "--allow-pickle" in refused["next"]
    assert "error" not in call(verb, *given, "--allow-pickle")


@pytest.mark.parametrize("verb", ["train", "mine"])
def test_so_are_guides_by_a_key_of_their_own(verb: str, pickled: str, bert_folder: Path, call: Call) -> None:
    given = ("--model", str(bert_folder), "--guide", pickled, "--device", "cpu", "--store", "none", *VERBS[verb])
    refused = call(verb, *given, "--allow-pickle", code=1)["error"]
    assert "only as pickle" in refused["message"] and "that needs guide.allow_pickle=true" in refused["message"]
    assert "--allow-pickle" not in refused["next"]
    assert "error" not in call(verb, *given, "guide.allow_pickle=true")


def test_so_is_a_cross_encoder(pickled: str, bert_folder: Path, cross_folder: Path, call: Call) -> None:
    shutil.copytree(cross_folder, "cross")
    torch.save(load_file("cross/model.safetensors"), "cross/pytorch_model.bin")
    Path("cross/model.safetensors").unlink()
    given = ("--model", str(bert_folder), "--cross-encoder", "cross", "--device", "cpu", "--store", "none")
    assert call("mine", *given, *VERBS["mine"], code=1)["error"]["next"].endswith("cross_encoder.allow_pickle=true")
    assert "error" not in call("mine", *given, *VERBS["mine"], "cross_encoder.allow_pickle=true")
