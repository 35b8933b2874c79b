"""Makes the student and guide that training.py uses, and prints facts about them and the texts as JSON."""

import json
import os
import platform
import sys
from pathlib import Path
from typing import Any

import torch
from encoders import make_bert, wordpiece
from training_sides import Spec, same_batches
from transformers import PreTrainedTokenizerFast

from embedtune.config.sections.encoder import EncoderSection
from embedtune.models.files.load import load_encoder
from embedtune.models.speed.precision import choose_precision
from embedtune.workflows.shared.machine import machine_facts

SHAPES = {"minilm": {"hidden": 384, "layers": 6}, "base": {"hidden": 768, "layers": 12}}
"""Of the student; the guide has twelve layers of the same width."""


def main(folder: Path, max_length: int, batch: int, device: str, shape: str, model: str = "") -> None:
    """Write three encoders, and print how long the texts are."""
    if model:
        tokenizer = copies(model, folder, max_length)
    else:
        tokenizer = random_weights(folder, max_length, shape)
    print(json.dumps(facts(Spec("peer", str(folder), batch, 1), tokenizer, max_length, device)))


def copies(model: str, folder: Path, max_length: int) -> PreTrainedTokenizerFast:
    """A pretrained encoder as student and as guide."""
    encoder = load_encoder(EncoderSection(name=model, max_length=max_length), device="cpu")
    for name in ("student", "guide"):
        encoder.model.save(str(folder / name), create_model_card=False)
    return encoder.model.tokenizer


def random_weights(folder: Path, max_length: int, shape: str) -> PreTrainedTokenizerFast:
    """A student of this shape and a guide."""
    hidden, own = SHAPES[shape]["hidden"], SHAPES[shape]["layers"]
    tokenizer = wordpiece(json.loads((folder / "texts.json").read_text(encoding="utf-8")))
    for name, layers, seed, dropout in (
        ("student", own, 0, 0.1),
        ("student-without-dropout", own, 0, 0.0),
        ("guide", 12, 1, 0.1),
    ):
        make_bert(
            folder / name,
            [],
            layers=layers,
            hidden=hidden,
            max_length=max_length,
            seed=seed,
            tokenizer=tokenizer,
            dropout=dropout,
        )
    return tokenizer


def facts(spec: Spec, tokenizer: PreTrainedTokenizerFast, max_length: int, device: str) -> dict[str, Any]:
    """Facts about the texts in tokens, and about the machine."""
    columns = spec.columns
    lengths = {
        name: [len(ids) for ids in tokenizer(own, truncation=True, max_length=max_length)["input_ids"]]
        for name, own in columns.items()
    }
    rows, slots = len(columns["anchor"]), 0
    batches = list(same_batches(columns, spec)())
    for chosen in batches:
        anchors, documents = lengths["anchor"], [own for name, own in lengths.items() if name != "anchor"]
        slots += len(chosen) * max(anchors[i] for i in chosen)
        # The peer pads all documents of a step to the longest one of them.
        slots += len(chosen) * len(documents) * max(own[i] for own in documents for i in chosen)
    tokens = sum(map(sum, lengths.values()))
    distinct = len({text for name, own in columns.items() if name != "anchor" for text in own})
    words = f"{rows:,} rows, {tokens / rows:,.0f} tokens a row, {slots / rows:,.0f} with the peer's padding; "
    words += f"{distinct:,} distinct documents in {rows * (len(columns) - 1):,} places; steps of {len(batches[0]):,}"
    return {
        "words": words,
        "rows": rows,
        "steps_per_epoch": len(batches),
        "tokens_per_row": tokens / rows,
        "slots_per_row": slots / rows,
        "distinct_documents": distinct,
        "bf16": choose_precision("auto", device, has_products=True).name == "bf16",
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)),
        "gpu": torch.cuda.get_device_name() if device.startswith("cuda") else None,
        **machine_facts(),
    }


def processor() -> str:
    """The processor's name, as the kernel reports it."""
    named = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("model name")
    return named[1].split("\n")[0].lstrip("\t :") if len(named) > 1 else platform.processor()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:])
