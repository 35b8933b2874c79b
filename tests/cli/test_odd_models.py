"""Models that are not what they seem, in every verb and every option that takes one: one sentence, nothing written."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from embedtune.config.sections.encoder import EncoderSection
from embedtune.models.files.load import load_encoder
from embedtune.workflows.check.encoder_checks import differences

Weights = dict[str, torch.Tensor]
ROWS = [{"anchor": f"How do I reset {word}?", "positive": f"Open the settings of {word}."} for word in "abcdefghijkl"]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with pairs, texts and a judged set."""
    monkeypatch.chdir(tmp_path)
    Path("pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    Path("set/qrels").mkdir(parents=True)
    lines = {"corpus": "positive", "queries": "anchor"}
    for name, key in lines.items():
        texts = [json.dumps({"_id": str(i), "text": row[key]}) for i, row in enumerate(ROWS)]
        Path(f"set/{name}.jsonl").write_text("\n".join(texts), encoding="utf-8")
    judged = [f"{i}\t{i}\t1" for i in range(len(ROWS))]
    Path("set/qrels/test.tsv").write_text("\n".join(["query-id\tcorpus-id\tscore", *judged]), encoding="utf-8")
    return tmp_path


def changed(folder: Path, to: Path, change: Callable[[str, torch.Tensor], tuple[str, torch.Tensor]]) -> Path:
    shutil.copytree(folder, to)
    weights = dict(change(*one) for one in load_file(to / "model.safetensors").items())
    save_file(weights, to / "model.safetensors", {"format": "pt"})
    return to


def constant(key: str, value: torch.Tensor) -> tuple[str, torch.Tensor]:
    """Weights that give every text the same vector."""
    last = key.startswith("encoder.layer.1.output.LayerNorm")
    return key, (torch.zeros(32) if key.endswith("weight") else torch.linspace(-1, 1, 32)) if last else value


VERBS = {
    "encode": ("encode", "--model", "{}", "--data", "set/corpus.jsonl", "--output", "out.npy"),
    "search": ("search", "--model", "{}", "--data", "set", "reset"),
    "evaluate": ("evaluate", "--model", "{}", "--data", "set", "--output", "out"),
    "query model": ("evaluate", "--model", "{good}", "--query-model", "{}", "--data", "set", "--output", "out"),
    "mine": ("mine", "--model", "{}", "--data", "pairs.jsonl", "--output", "out.jsonl"),
    "guide of mine": ("mine", "--model", "{good}", "--guide", "{}", "--data", "pairs.jsonl", "--output", "out.jsonl"),
    "train": ("train", "--model", "{}", "--data", "pairs.jsonl", "--output", "out", "--epochs", "1"),
    "guide of train": (
        *("train", "--model", "{good}", "--guide", "{}", "--data", "pairs.jsonl", "--output", "out"),
        *("--epochs", "1"),
    ),
    "check": ("check", "--model", "{}", "--data", "pairs.jsonl"),
}


@pytest.mark.parametrize("verb", VERBS)
def test_missing_weights_stop_every_verb(verb: str, call: Any, bert_folder: Path, here: Path):
    broken = changed(bert_folder, here / "broken", lambda key, value: (f"_orig_mod.{key}", value))
    result = call(*(part.format(broken, good=bert_folder) for part in VERBS[verb]), code=1)
    assert "names that begin with '_orig_mod.'" in result["error"]["message"]
    assert result["error"]["next"]
    assert not list(here.glob("out.*[!b]")) or verb.startswith("train")


@pytest.mark.parametrize("verb", ["encode", "search", "evaluate", "query model", "mine", "guide of mine"])
def test_one_vector_for_all_texts_stops_what_ranks_them(verb: str, call: Any, bert_folder: Path, here: Path):
    same = changed(bert_folder, here / "same", constant)
    result = call(*(part.format(same, good=bert_folder) for part in VERBS[verb]), "--store", "none", code=1)
    assert "gives the same vector for all 12 texts" in result["error"]["message"]


def test_one_vector_for_all_texts_is_a_finding_of_check(bert_folder: Path, here: Path):
    columns = {name: [row[name] for row in ROWS] for name in ("anchor", "positive")}
    sound, same = (
        load_encoder(EncoderSection(name=str(folder)), device="cpu")
        for folder in (bert_folder, changed(bert_folder, here / "same", constant))
    )
    assert differences(sound, columns) == []
    found = differences(same, columns)
    assert [(one.code, one.severity, one.count) for one in found] == [("same-vectors", "error", 12)] * 2
    assert found[0].message.startswith("anchor: ") and "Its weights are damaged" in found[0].fix


@pytest.mark.parametrize("verb", ["encode", "mine", "guide of mine", "guide of train", "check"])
def test_what_a_model_is_taken_for_is_said(verb: str, call: Any, bare_folder: Path, bert_folder: Path):
    result = call(*(part.format(bare_folder, good=bert_folder) for part in VERBS[verb]))
    assert "is a plain transformers model (BertModel); mean pooling" in result["stderr"]


def test_a_sound_model_says_nothing(call: Any, bert_folder: Path):
    result = call(*(part.format(bert_folder) for part in VERBS["encode"]))
    assert "model" not in result["stderr"].replace(str(bert_folder), "")


def test_a_cross_encoder_is_no_encoder_and_the_reverse(call: Any, cross_folder: Path, bert_folder: Path, here: Path):
    for verb in ("encode", "mine", "guide of mine", "train"):
        result = call(*(part.format(cross_folder, good=bert_folder) for part in VERBS[verb]), code=1)
        assert "is a cross-encoder" in result["error"]["message"]
    mine = ("mine", "--model", str(bert_folder), "--data", "pairs.jsonl", "--output", "out.jsonl")
    result = call(*mine, "--cross-encoder", str(bert_folder), code=1)
    assert "it was not trained to score pairs" in result["error"]["message"]
    assert result["error"]["where"] == "--cross-encoder"
    assert not (here / "out.jsonl").exists()
