"""`adapt` and `drift` from start to end, with encoders of which one is the other turned in space."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import ortho_group
from sentence_transformers import SentenceTransformer

import embedtune
from embedtune.config.sections.encoder import EncoderSection
from embedtune.errors import ConfigError, DataError
from embedtune.models.files.load import load_encoder
from embedtune.models.files.save import save_encoder
from embedtune.models.maps.save_map import mapped_encoder
from embedtune.models.maps.space_map import SpaceMap

TOPICS = ("password", "refund", "delivery", "account", "비밀번호", "환불", "배송지", "결제")
RUN = {"device": "cpu", "store": "none"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, bert_folder: Path) -> Path:
    """Pairs, the tiny BERT, and the same BERT with all its vectors turned."""
    folder = tmp_path_factory.mktemp("adapt")
    pairs = [
        {"anchor": f"{TOPICS[i % 8]} {i} {TOPICS[i % 7]}?", "positive": f"{TOPICS[i % 7]} {i} of {TOPICS[i % 8]}"}
        for i in range(320)
    ]
    (folder / "pairs.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in pairs), encoding="utf-8")
    (folder / "texts.txt").write_text("".join(pair["positive"] + "\n" for pair in pairs), encoding="utf-8")
    encoder = load_encoder(EncoderSection(name=str(bert_folder)), device="cpu")
    turn = ortho_group.rvs(32, random_state=0).astype(np.float32)
    save_encoder(mapped_encoder(encoder, SpaceMap("procrustes", turn)), folder / "turned")
    return folder


def test_a_turned_encoder_is_adapted_without_loss(folder: Path, bert_folder: Path, tmp_path: Path) -> None:
    found = embedtune.adapt(
        from_=bert_folder, to=folder / "turned", data=folder / "pairs.jsonl", output=tmp_path / "out", **RUN
    )
    ways = {row["way"]: row for row in found.ways}
    assert found.kind == "procrustes" and found.recall_kept == pytest.approx(1, abs=1e-3) and found.usable
    assert ways["new queries mapped, old index"]["overlap"] > 0.99
    assert found.elapsed_us_per_query > 0 and found.interval[0] <= found.recall_kept <= found.interval[1]
    texts = ["refund 3?", "환불 5?"]
    old, mapped = (
        SentenceTransformer(str(name), device="cpu", local_files_only=True).encode(texts, normalize_embeddings=True)
        for name in (bert_folder, found.model)
    )
    np.testing.assert_allclose(mapped, old, atol=1e-4)
    assert "100% kept" in (tmp_path / "out" / "report.md").read_text(encoding="utf-8")


def test_vectors_of_an_api_are_mapped_from_their_file(folder: Path, bert_folder: Path, tmp_path: Path) -> None:
    model = SentenceTransformer(str(bert_folder), device="cpu", local_files_only=True)
    rows = [json.loads(line) for line in (folder / "pairs.jsonl").read_text(encoding="utf-8").splitlines()]
    texts = [row["anchor"] for row in rows] + [row["positive"] for row in rows]
    vectors = model.encode(texts).tolist()
    records = [{"text": text, "vector": vector} for text, vector in zip(texts, vectors, strict=True)]
    (tmp_path / "api.jsonl").write_text("".join(json.dumps(one) + "\n" for one in records), encoding="utf-8")
    options = {"from_": tmp_path / "api.jsonl", "to": folder / "turned", "side": "documents", **RUN}
    found = embedtune.adapt(data=folder / "pairs.jsonl", output=tmp_path / "out", **options)
    assert found.recall_kept == pytest.approx(1, abs=1e-3) and found.model == ""
    assert Path(found.matrix).is_file()
    with pytest.raises(DataError, match="hardly any of the test texts"):
        (tmp_path / "other.jsonl").write_text(json.dumps({"text": "else", "vector": [1.0] * 32}) + "\n")
        embedtune.adapt(data=folder / "pairs.jsonl", **{**options, "from_": tmp_path / "other.jsonl"})


def test_drift_sees_that_old_vectors_are_of_no_use_or_of_use(folder: Path, bert_folder: Path, tmp_path: Path) -> None:
    turned = embedtune.drift(bert_folder, folder / "turned", data=folder / "pairs.jsonl", output=tmp_path / "a", **RUN)
    assert turned.verdict == "re-index" and turned.overlap == pytest.approx(1, abs=1e-3)
    assert turned.mixed is not None and turned.mixed.verdict == "worse" and turned.changed_first < 0.05
    copy = tmp_path / "copy"
    save_encoder(load_encoder(EncoderSection(name=str(bert_folder)), device="cpu"), copy)
    same = embedtune.drift(bert_folder, copy, data=folder / "texts.txt", output=tmp_path / "b", **RUN)
    assert (same.verdict, same.overlap, same.changed_first, same.score_shift) == ("keep", 1, 0, 0)
    assert all(row["old"] == pytest.approx(row["new"]) for row in same.thresholds)
    assert "may be kept" in str(same)


def test_what_is_refused(folder: Path, bert_folder: Path) -> None:
    with pytest.raises(ConfigError, match="two encoders are needed"):
        embedtune.adapt(to=bert_folder)
    with pytest.raises(ConfigError, match="the same encoder"):
        embedtune.adapt(from_=bert_folder, to=bert_folder)
    with pytest.raises(ConfigError, match="a starter is made from data"):
        embedtune.drift("starter", bert_folder)
    with pytest.raises(ConfigError, match="both encoders are the same"):
        embedtune.drift(bert_folder, bert_folder)
