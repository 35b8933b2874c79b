"""A merge from start to end: what is chosen, kept, saved and reported, and what is refused before a model loads."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from sentence_transformers import SentenceTransformer

import embedtune
from embedtune.config.sections.encoder import EncoderSection
from embedtune.errors import ConfigError, DataError, ModelError
from embedtune.models.files.load import load_encoder
from embedtune.models.files.save import save_encoder
from embedtune.reports.document.markdown import markdown
from embedtune.reports.merge import merging

TOPICS = ("password", "refund", "delivery", "account", "비밀번호", "환불", "배송지", "결제")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, bert_folder: Path) -> Path:
    """Pairs, a guard, and three models: one as it is, one a little changed, one destroyed."""
    folder = tmp_path_factory.mktemp("merge")
    pairs = [{"anchor": f"{TOPICS[i % 8]} {i}?", "positive": f"about {TOPICS[i % 8]} number {i}"} for i in range(160)]
    (folder / "pairs.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in pairs), encoding="utf-8")
    guard = [{"anchor": f"{TOPICS[i % 8]} case {i}", "positive": f"{TOPICS[i % 8]} case {i} done"} for i in range(60)]
    (folder / "guard.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in guard), encoding="utf-8")
    for name, noise in (("base", 0.0), ("near", 0.01), ("lost", 1.0)):
        encoder = load_encoder(EncoderSection(name=str(bert_folder)), device="cpu")
        generator = torch.Generator().manual_seed(1)
        with torch.no_grad():
            for parameter in encoder.model.parameters():
                parameter += noise * torch.randn(parameter.shape, generator=generator)
        save_encoder(encoder, folder / name)
    return folder


def test_a_mixture_that_was_asked_for(folder: Path, tmp_path: Path) -> None:
    models = (folder / "base", folder / "near")
    result = embedtune.merge(*models, alpha=0.25, guard="none", device="cpu", output=tmp_path / "out")
    a, b, mixed = (load_file(path / "model.safetensors") for path in (*models, Path(result.model)))
    for name in mixed:
        torch.testing.assert_close(mixed[name], 0.75 * a[name] + 0.25 * b[name], atol=1e-6, rtol=0)
    assert (result.verdict, result.guard, result.curve, result.kept_share) == (None, (), (), None)
    assert "no --data" in str(result)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "merge.json", "model", "report.html", "report.md"
    ]  # fmt: skip
    loaded = SentenceTransformer(result.model, device="cpu", local_files_only=True)
    assert np.isfinite(loaded.encode(["refund"])).all()


def test_alpha_stays_where_the_guard_holds(folder: Path, tmp_path: Path) -> None:
    result = embedtune.merge(
        folder / "base", folder / "lost", data=folder / "pairs.jsonl", guard=folder / "guard.jsonl",
        device="cpu", output=tmp_path / "out",
    )  # fmt: skip
    assert [point.alpha for point in result.curve][:1] == [0.0] and 5 <= len(result.curve) <= 7
    [chosen] = [point for point in result.curve if point.chosen]
    assert chosen.alpha == result.alpha and chosen.holds
    assert not result.curve[-1].holds  # the destroyed model itself
    held = [point for point in result.curve if point.holds]
    assert chosen.dev["logrank@1000"] == max(point.dev["logrank@1000"] for point in held)
    assert all(row["difference"] >= 0 or row["p_value"] >= 0.3 for point in held for row in point.guard)
    assert result.guard[0]["queries"] == 30  # the half that nothing was chosen by
    assert [test["against"] for test in result.comparisons] == [str(folder / "base"), str(folder / "lost")]
    assert json.loads((tmp_path / "out" / "merge.json").read_text())["alpha"] == result.alpha
    shown = markdown(merging(result))
    assert "How far to go" in shown and "(chosen)" in shown and "What was kept" in shown


def test_three_seeds_and_a_set_without_training_rows(folder: Path, tmp_path: Path) -> None:
    judged = tmp_path / "judged"
    judged.mkdir()
    (judged / "test.jsonl").write_bytes((folder / "guard.jsonl").read_bytes())
    names = [folder / name for name in ("base", "near", "lost")]
    result = embedtune.merge(
        *names, weights="1,0.001", data=judged, guard="none", device="cpu", output=tmp_path / "out"
    )
    assert 0.6667 in [point.alpha for point in result.curve]
    assert result.test_queries == 30
    assert any("one half of the queries" in sentence for sentence in result.described)


def test_what_is_refused_before_any_model_loads(folder: Path, tmp_path: Path) -> None:
    base, near = folder / "base", folder / "near"
    with pytest.raises(ConfigError, match="at least two models, got 1"):
        embedtune.merge(base, alpha=0.5)
    with pytest.raises(ConfigError, match="choosing alpha needs dev queries"):
        embedtune.merge(base, near)
    with pytest.raises(ConfigError, match="more than once"):
        embedtune.merge(base, base, alpha=0.5)
    with pytest.raises(ConfigError, match="2 weights for 1 models"):
        embedtune.merge(base, near, alpha=0.5, weights="1,2")
    with pytest.raises(ConfigError, match=r"alpha is 1\.5"):
        embedtune.merge(base, near, alpha=1.5)
    with pytest.raises(ConfigError, match="a starter is made from data"):
        embedtune.merge(base, "starter", alpha=0.5)
    with pytest.raises(ModelError, match="there is no folder"):
        embedtune.merge(base, "./nowhere", alpha=0.5)
    few = tmp_path / "few.jsonl"
    few.write_text(json.dumps({"anchor": "a", "positive": "b"}) + "\n")
    with pytest.raises(DataError, match="at least 20"):
        embedtune.merge(base, near, alpha=0.5, guard=few)
