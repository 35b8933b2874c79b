"""Micro-batches: every text in its place, once, under its prompt, within the budget of tokens."""

from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from torch.nn.functional import embedding

from embedtune.data.views import parse_views
from embedtune.models.encode.tokenizer import Tokenizer, forward
from embedtune.training.batch.curriculum import Curriculum
from embedtune.training.batch.micro_batches import LENGTHS, MicroBatchCollator, row_numbers
from embedtune.training.batch.row_texts import RowTexts, ViewedTexts, read_texts
from embedtune.training.step.held import Held

PROMPTS = {"query": "query: ", "document": "passage: "}


def collate(texts, tokens, rows):
    """Row numbers and places (B, 1+C), and the features of the micro-batches."""
    batch = MicroBatchCollator(texts, Held(tokens, tokens))([{"label": row} for row in rows])
    labels = batch.pop("label")
    micro_batches: dict[str, dict] = {}
    for name, value in batch.items():
        number, key = name.split("_", 1)
        micro_batches.setdefault(number, {})[key] = value
    assert list(micro_batches) == [f"micro{i}" for i in range(len(micro_batches))]
    return labels, list(micro_batches.values())


def read(encoder, rows, negatives=2, prompts=PROMPTS, curriculum=None):
    encoder = replace(encoder, prompts=prompts)
    return read_texts(Tokenizer(encoder), RowTexts(rows, negatives, curriculum))


def vectors_of(encoder, labels, micro_batches):
    """(B, C, D)."""
    features = [{key: value for key, value in one.items() if key != LENGTHS} for one in micro_batches]
    with torch.no_grad():
        return embedding(labels[:, 1:], torch.cat([forward(encoder.model, one) for one in features]))


def alone(encoder, text, column):
    prompt = PROMPTS["document" if column else "query"]
    return encoder.model.encode([text], prompt=prompt, convert_to_tensor=True)[0]


def tokens_of(micro_batches):
    return [int(one[LENGTHS].sum()) for one in micro_batches]


@pytest.mark.parametrize("kind", ["bert", "starter"])
@pytest.mark.parametrize("tokens", [1, 20, 10_000])
def test_every_text_is_encoded_under_its_prompt_and_stands_in_its_place(request, rows, kind, tokens):
    """Beside each text encoded alone by sentence-transformers; for a missing negative, any text of the row will do."""
    encoder = request.getfixturevalue(kind)
    encoder.model.eval()
    order = [2, 0, 3]
    labels, micro_batches = collate(read(encoder, rows), tokens, order)
    assert labels[:, 0].tolist() == order
    vectors = vectors_of(encoder, labels, micro_batches)
    for place, row in enumerate(order):
        own = [*rows.negatives[row], rows.positives[row], rows.positives[row]][:2]
        for column, text in enumerate([rows.anchors[row], rows.positives[row], *own]):
            torch.testing.assert_close(vectors[place, column], alone(encoder, text, column), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("schedule", ["random", "easy_to_hard"])
def test_the_negatives_are_those_that_were_chosen_for_the_epoch(starter, rows, schedule):
    many = replace(rows, negatives=[[f"wrong {row} {place}" for place in range(row + 1)] for row in range(4)])
    curriculum = Curriculum(many, 2, schedule=schedule, seed=4, epochs=3)
    texts = read(starter, many, curriculum.stored, curriculum=curriculum)
    for epoch in range(3):
        curriculum.begin(epoch)
        texts.begin(epoch)
        vectors = vectors_of(starter, *collate(texts, 100, range(4)))
        for row, places in enumerate(curriculum.places.tolist()):
            for column, place in enumerate(places, start=2):
                text = many.negatives[row][place] if place >= 0 else many.positives[row]
                torch.testing.assert_close(vectors[row, column], alone(starter, text, column), atol=1e-5, rtol=1e-5)


def test_views_are_those_of_the_epoch_and_no_two_are_taken_for_one(starter, pairs):
    """Two equal texts may be meant to differ by dropout alone, so they are encoded twice."""
    views = parse_views("delete:0.4", further=2)
    encoder = replace(starter, prompts=PROMPTS)
    texts = ViewedTexts(Tokenizer(encoder), pairs, views)
    for epoch in (0, 1):
        texts.begin(epoch)
        labels, micro_batches = collate(texts, 40, [3, 5])
        vectors = vectors_of(encoder, labels, micro_batches)
        assert sum(len(one[LENGTHS]) for one in micro_batches) == 2 * 4
        for place, row in enumerate([3, 5]):
            made = views.of(pairs.anchors[row], pairs.positives[row], row=row, epoch=epoch)
            for column, text in enumerate(made):
                torch.testing.assert_close(vectors[place, column], alone(encoder, text, column), atol=1e-5, rtol=1e-5)


def test_a_micro_batch_holds_no_more_tokens_than_asked_unless_one_text_does(bert, pairs):
    texts = read(bert, pairs, 0)
    labels, micro_batches = collate(texts, 40, range(len(pairs)))
    cost = texts.reader.cost
    assert all(cost(one[LENGTHS]) <= 40 or len(one[LENGTHS]) == 1 for one in micro_batches)
    # Full: the next text of the same role would not have fitted.
    for one, following in pairwise(micro_batches):
        assert cost([*one[LENGTHS], following[LENGTHS][0]]) > 40 or following[LENGTHS][0] > one[LENGTHS][-1]
    assert sum(len(one[LENGTHS]) for one in micro_batches) == 1 + int(labels[:, 1:].max()) == 2 * len(pairs)


def test_texts_are_sorted_by_tokens_longest_first(bert, pairs):
    _, micro_batches = collate(read(bert, pairs, 0), 40, range(len(pairs)))
    counts = [int(count) for one in micro_batches for count in one[LENGTHS]]
    for part in (counts[: len(pairs)], counts[len(pairs) :]):
        assert part == sorted(part, reverse=True) and part[0] > part[-1]


def test_what_fits_is_encoded_at_once_and_else_in_parts(starter, pairs):
    texts = read(starter, pairs, 0)
    every = [{"label": row} for row in range(len(pairs))]
    own, padded = MicroBatchCollator(texts, Held()).tokens(range(len(pairs)))
    for held, parts in ((Held(), 2), (Held(own, own // 4), 2), (Held(own - 1, own // 4), 4)):
        batch = MicroBatchCollator(texts, held)(every)
        lengths = [value for key, value in batch.items() if key.endswith(LENGTHS)]
        assert len(lengths) == parts or (parts == 4 and len(lengths) > 3)
        assert sum(int(one.sum()) for one in lengths) == own < padded


@pytest.mark.parametrize("way", ["packed", "padded"])
def test_micro_batches_of_a_transformer_stay_small(bert, monkeypatch, pairs, way):
    texts = read(bert, pairs, 0)
    monkeypatch.setattr(texts.reader, "way", way)
    monkeypatch.setattr("embedtune.training.batch.micro_batches.CPU_TOKENS", 50)
    _, micro_batches = collate(texts, 10_000, range(len(pairs)))
    assert len(micro_batches) > 2
    assert all(texts.reader.cost(one[LENGTHS]) <= 50 for one in micro_batches)


def test_equal_texts_of_a_role_are_encoded_once_and_those_of_two_roles_twice(starter, rows):
    """Twice, because an anchor that equals its positive is how dropout views are made."""
    alike = type(rows)(anchors=["same", "same", "other"], positives=["same", "same", "same"])
    labels, micro_batches = collate(read(starter, alike, 0), 1000, range(3))
    assert [len(one["offsets"]) for one in micro_batches] == [2, 1]
    places = labels[:, 1:]
    assert places[0].tolist() == places[1].tolist() and places[0, 1] == places[2, 1] != places[0, 0] != places[2, 0]


def test_tokens_of_a_batch_are_counted_with_and_without_padding(bert, rows):
    texts = read(bert, rows)
    tokenizer = bert.model.tokenizer

    def count(text, role):
        return len(tokenizer(PROMPTS[role] + text)["input_ids"])

    batch = [0, 2, 3]
    columns = [
        [count(rows.anchors[row], "query") for row in batch],
        [count(rows.positives[row], "document") for row in batch],
        *(
            [count(([*rows.negatives[row]] + [rows.positives[row]] * 2)[place], "document") for row in batch]
            for place in range(2)
        ),
    ]
    own, padded = MicroBatchCollator(texts, Held()).tokens(batch)
    assert padded == sum(len(batch) * max(column) for column in columns)
    documents = {*(rows.positives[row] for row in batch), *(text for row in batch for text in rows.negatives[row])}
    queries = {rows.anchors[row] for row in batch}
    assert own == sum(count(text, "query") for text in queries) + sum(count(text, "document") for text in documents)


def test_the_trainer_is_given_row_numbers():
    assert list(row_numbers(3)["label"]) == [0, 1, 2]
