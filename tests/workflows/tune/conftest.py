"""Pairs that a starter can learn, and a race on them that takes seconds."""

import json
from pathlib import Path
from typing import Any

import pytest

THINGS = ["kettle", "lamp", "chair", "router", "drill", "tent", "wallet", "piano", "fridge", "bicycle", "radio", "sofa"]
ASKED = ("repair", "colour", "price", "weight", "return", "delivery", "warranty", "manual")
ARMS = {"faster": ["training.lr=0.05"], "hot": ["loss.0.args.temperature=0.5"], "frozen": ["training.lr=1e-12"]}


@pytest.fixture(scope="session")
def questions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """288 pairs: a question about a thing, and its answer in other words, each three times with other numbers."""
    rows = [
        {
            "anchor": f"what about the {asked} of a {thing} number {n}",
            "positive": f"{thing} {n}: our {asked} rules are on page {31 * n + 7 * len(thing) + len(asked)}",
        }
        for n in range(3)
        for thing in THINGS
        for asked in ASKED
    ]
    path = tmp_path_factory.mktemp("questions") / "questions.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def raced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recipe of a short race with three arms."""
    path = tmp_path_factory.mktemp("raced") / "race.yaml"
    recipe: dict[str, Any] = {
        "training": {"batch_size": 32, "epochs": 2, "device": "cpu"},
        "guide": {"name": "none"},
        "output": {"store": "none"},
        "tune": {"budget": "100steps", "arms": ARMS, "seeds": 3},
    }
    path.write_text(json.dumps(recipe), encoding="utf-8")  # JSON is YAML
    return path
