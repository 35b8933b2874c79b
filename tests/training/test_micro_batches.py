"""Micro-batches: every text in its place, once, under its prompt, within the budget of tokens."""

from itertools import pairwise

import pytest
import torch
from torch.nn.functional import embedding

from embedtune.training.adapter import to_dataset
from embedtune.training.micro_batches import MicroBatchCollator, token_counts

PROMPTS = {"query": "query: ", "document": "passage: "}


def collate(encoder, rows, tokens, prompts=PROMPTS, negatives=2):
    """Row numbers and places (B, 1+C), and the features of the micro-batches."""
    collator = MicroBatchCollator(preprocess_fn=encoder.model.preprocess, role_prompts=prompts, tokens=tokens)
    batch = collator([dict(row) for row in to_dataset(rows, negatives)])
    labels = batch.pop("label")
    micro_batches: dict[str, dict] = {}
    for name, value in batch.items():
        number, key = name.split("_", 1)
        micro_batches.setdefault(number, {})[key] = value
    assert list(micro_batches) == [f"micro{i}" for i in range(len(micro_batches))]
    return labels, list(micro_batches.values())


@pytest.mark.parametrize("kind", ["bert", "starter"])
@pytest.mark.parametrize("tokens", [1, 20, 10_000])
def test_every_text_is_encoded_under_its_prompt_and_stands_in_its_place(request, rows, kind, tokens):
    """Beside each text encoded alone by sentence-transformers; one row's missing negatives are empty texts."""
    encoder = request.getfixturevalue(kind)
    labels, micro_batches = collate(encoder, rows, tokens)
    assert labels[:, 0].tolist() == [0, 1, 2, 3]
    model = encoder.model.eval()
    with torch.no_grad():
        vectors = embedding(labels[:, 1:], torch.cat([model(one)["sentence_embedding"] for one in micro_batches]))
    for row in range(len(rows)):
        own = [*rows.negatives[row], "", ""][:2]
        for column, text in enumerate([rows.anchors[row], rows.positives[row], *own]):
            prompt = PROMPTS["document" if column else "query"]
            alone = model.encode([text], prompt=prompt, convert_to_tensor=True)[0]
            torch.testing.assert_close(vectors[row, column], alone, atol=1e-5, rtol=1e-5)


def test_a_micro_batch_holds_no_more_tokens_than_asked_unless_one_text_does(bert, pairs):
    labels, micro_batches = collate(bert, pairs, tokens=40, prompts={}, negatives=0)
    sizes = [one["input_ids"].shape for one in micro_batches]
    assert all(rows * width <= 40 or rows == 1 for rows, width in sizes)
    # Full: the next text of the same role would not have fitted.
    for (rows, width), (_, following) in pairwise(sizes):
        assert (rows + 1) * width > 40 or following > width
    assert sum(rows for rows, _ in sizes) == 1 + int(labels[:, 1:].max()) == 2 * len(pairs)


def test_texts_are_sorted_by_tokens_longest_first(bert, pairs):
    _, micro_batches = collate(bert, pairs, tokens=40, prompts={}, negatives=0)
    counts = torch.cat([one["attention_mask"].sum(dim=1) for one in micro_batches])
    queries, documents = counts[: len(pairs)], counts[len(pairs) :]
    for part in (queries, documents):
        assert torch.equal(part, part.sort(descending=True).values) and part.min() < part.max()


def test_equal_texts_of_a_role_are_encoded_once_and_those_of_two_roles_twice(starter, rows):
    """Twice, because an anchor that equals its positive is how dropout views are made."""
    alike = type(rows)(anchors=["same", "same", "other"], positives=["same", "same", "same"])
    labels, micro_batches = collate(starter, alike, tokens=1000, prompts={}, negatives=0)
    assert [len(one["offsets"]) for one in micro_batches] == [2, 1]
    places = labels[:, 1:]
    assert places[0].tolist() == places[1].tolist() and places[0, 1] == places[2, 1] != places[0, 0] != places[2, 0]


def test_tokens_are_counted_in_every_layout():
    padded = {"input_ids": torch.zeros(2, 3), "attention_mask": torch.tensor([[1, 1, 1], [0, 0, 1]])}
    assert token_counts(padded).tolist() == [3, 1]
    flat = {"input_ids": torch.zeros(4), "offsets": torch.tensor([0, 3, 3])}
    assert token_counts(flat).tolist() == [3, 0, 1]
    unpadded = {"input_ids": torch.zeros(1, 4), "cu_seq_lens_q": torch.tensor([0, 3, 4])}
    assert token_counts(unpadded).tolist() == [3, 1]


def test_counting_does_not_depend_on_how_many_are_counted_at_once(bert, pairs, monkeypatch):
    whole = collate(bert, pairs, tokens=40, negatives=0)
    monkeypatch.setattr("embedtune.training.micro_batches.COUNTED_AT_ONCE", 3)
    parts = collate(bert, pairs, tokens=40, negatives=0)
    assert torch.equal(whole[0], parts[0]) and len(whole[1]) == len(parts[1])
