import numpy as np
import torch

from embedtune.training.batch.row_texts import RowTexts
from embedtune.training.guide.vectors import GuideTable, on_disk


def recording_encoder(calls: list[tuple[str, tuple[str, ...]]]):
    """Vectors that tell text and role apart, and a record of what was asked for."""

    def encode(texts, role):
        calls.append((role, tuple(texts)))
        sign = 1.0 if role == "query" else -1.0
        return np.array([[sign * len(text), float(sum(map(ord, text)) % 97)] for text in texts], dtype=np.float32)

    return encode


def test_each_distinct_text_is_encoded_once_under_its_role(rows):
    calls: list[tuple[str, tuple[str, ...]]] = []
    GuideTable(RowTexts(rows, 2)).fill(recording_encoder(calls))
    assert [role for role, _ in calls] == ["query", "document"]
    queries, documents = calls[0][1], calls[1][1]
    assert sorted(queries) == sorted(set(rows.anchors))
    wanted = {*rows.positives, "wrong a", "wrong b", "wrong c"}
    assert len(documents) == len(set(documents)) and set(documents) == wanted


def test_a_batch_holds_the_vectors_of_its_rows(rows):
    encode = recording_encoder([])
    table = GuideTable(RowTexts(rows, 2))
    table.fill(encode)
    batch = table.batch(torch.tensor([3, 0]), torch.device("cpu"))
    assert torch.equal(batch.anchors, torch.from_numpy(encode(["question one", "question one"], "query")))
    assert torch.equal(batch.positives, torch.from_numpy(encode(["another answer one", "answer one"], "document")))
    assert torch.equal(batch.negatives[1], torch.from_numpy(encode(["wrong a", "wrong b"], "document")))


def test_there_is_no_guide_before_it_is_filled(rows):
    table = GuideTable(RowTexts(rows, 0))
    assert table.batch(torch.tensor([0]), torch.device("cpu")) is None
    assert table.state() == {}


def test_a_frozen_guide_leaves_nothing_to_a_checkpoint_and_takes_nothing_from_one(rows):
    frozen, living = GuideTable(RowTexts(rows, 2), frozen=True), GuideTable(RowTexts(rows, 2))
    frozen.fill(recording_encoder([]))
    living.fill(lambda texts, role: np.zeros((len(texts), 2), dtype=np.float32))
    assert frozen.state() == {}
    frozen.restore(living.state())
    assert frozen.batch(torch.tensor([0]), torch.device("cpu")).anchors.any()


def test_vectors_in_a_memory_map_are_the_same_and_leave_no_file(rows, tmp_path):
    encode = recording_encoder([])
    maps = []

    def mapped(texts, role):
        into = on_disk(tmp_path / "run", len(texts), 2)
        into[:] = encode(texts, role)
        maps.append(into)
        return into

    table, plain = GuideTable(RowTexts(rows, 2), frozen=True), GuideTable(RowTexts(rows, 2))
    table.fill(mapped)
    plain.fill(encode)
    assert all(isinstance(one, np.memmap) for one in maps)
    assert list((tmp_path / "run").iterdir()) == []
    at, cpu = torch.tensor([2, 0, 3]), torch.device("cpu")
    for field in ("anchors", "positives", "negatives"):
        assert torch.equal(getattr(table.batch(at, cpu), field), getattr(plain.batch(at, cpu), field))
    # The table reads the map itself, not a copy of it.
    maps[0][0, 0] = 7.0
    assert table.batch(torch.tensor([0]), cpu).anchors[0, 0] == 7.0


def test_a_restored_table_guides_as_the_saved_one(rows):
    saved, restored = GuideTable(RowTexts(rows, 2)), GuideTable(RowTexts(rows, 2))
    saved.fill(recording_encoder([]))
    restored.restore(saved.state())
    at, cpu = torch.tensor([1, 2]), torch.device("cpu")
    assert torch.equal(restored.batch(at, cpu).negatives, saved.batch(at, cpu).negatives)
