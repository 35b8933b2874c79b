"""Every verb that takes an encoder takes an endpoint; a training refuses it, and may be guided by it."""

import json
from pathlib import Path

import numpy as np
import pytest
from fake_endpoint import NAME, FakeEndpoint, vector_of

import embedtune
from embedtune.errors import ModelError

LOCAL = {"device": "cpu", "store": "none"}


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeEndpoint:
    """An endpoint behind every address, and a folder with 240 pairs."""
    monkeypatch.chdir(tmp_path)
    pairs = [{"anchor": f"refund {i}?", "positive": f"the refund {i} is paid"} for i in range(240)]
    Path("pairs.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
    found = FakeEndpoint()
    session = found.session
    monkeypatch.setattr("embedtune.models.endpoints.transport.requests.Session", lambda: session)
    monkeypatch.setattr("embedtune.models.endpoints.transport.WallClock", lambda: found.clock)
    return found


def test_verbs_that_take_an_endpoint(fake: FakeEndpoint) -> None:
    encoded = embedtune.encode(model=NAME, data="pairs.jsonl", column="anchor", output="v.npy", **LOCAL)
    expected = np.array([vector_of(f"refund {i}?") for i in range(240)])
    found = np.load(encoded.output).astype(np.float32)
    np.testing.assert_allclose(found, expected / np.linalg.norm(expected, axis=1, keepdims=True), atol=2e-3)
    scored = embedtune.evaluate(model=(NAME, "bm25"), data="pairs.jsonl", output="scored", **LOCAL).as_json()
    assert [model["model"] for model in scored["models"]] == [NAME, "bm25"]
    mined = embedtune.mine(data="pairs.jsonl", model=NAME, negatives=2, range="0:9", output="mined.jsonl", **LOCAL)
    assert mined.rows > 0
    run = embedtune.train(
        "output.check_saved=here", data="pairs.jsonl", guide=NAME, margin="0", max_steps=1, output="run", **LOCAL
    )
    assert run.guide is not None and run.guide.name == NAME
    adapted = embedtune.adapt(data="pairs.jsonl", output="adapted", from_=NAME, to="run/model", **LOCAL)
    assert Path("adapted/map.safetensors").exists() and adapted.output
    card = Path("run/model/README.md").read_text()
    assert "## Results" in card and "## Training data" in card and str(Path.cwd()) not in card
    assert not any(text in card for text in ("refund 1?", "the refund 2 is paid"))


def test_verbs_that_change_weights_refuse_one(fake: FakeEndpoint) -> None:
    with pytest.raises(ModelError, match="gives vectors, not weights"):
        embedtune.train(data="pairs.jsonl", model=NAME, output="run", **LOCAL)
    with pytest.raises(ModelError, match="cannot be used to forecast a training"):
        embedtune.check(data="pairs.jsonl", model=NAME)
    with pytest.raises(ModelError, match="cannot be mixed with other weights"):
        embedtune.merge(NAME, "run/model", data="pairs.jsonl", output="merged")
    assert not Path("run").exists() and not fake.bodies
