"""Given the same batches, a run learns what sentence-transformers' loss learns in a plain loop of torch."""

import copy
import math

import numpy as np
import pytest
import torch
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

from embedtune.config.sections.training import TrainingSection
from embedtune.training.batch.batches import DistinctBatchSampler
from embedtune.training.run.trainer import fit

SECTION = TrainingSection(epochs=2, batch_size=4, seed=1, dropout="off", warmup_share=0.2)
LR = 1e-3
TEMPERATURE = 0.05


def batches(rows) -> list[list[int]]:
    """Those of the run, epoch after epoch."""
    sampler = DistinctBatchSampler(len(rows), lambda _: np.arange(2 * len(rows)).reshape(-1, 2), 4, seed=SECTION.seed)
    found = []
    for epoch in range(SECTION.epochs):
        sampler.set_epoch(epoch)
        found += list(sampler)
    return found


def learned_by_a_plain_loop(model, rows) -> dict[str, torch.Tensor]:
    """AdamW with clipping; the rate rises over the warm-up from its first part, not from zero, then falls linearly."""
    model.eval()  # no dropout
    loss = MultipleNegativesRankingLoss(model, scale=1 / TEMPERATURE)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LR, weight_decay=0.0)
    order = batches(rows)
    rising = math.ceil(SECTION.warmup_share * len(order))
    for step, batch in enumerate(order):
        for group in optimizer.param_groups:
            group["lr"] = LR * min((step + 1) / (rising + 1), (len(order) - step) / (len(order) - rising))
        optimizer.zero_grad()
        columns = [[texts[row] for row in batch] for texts in (rows.anchors, rows.positives)]
        loss([model.preprocess(column) for column in columns], None).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), SECTION.clip_norm)
        optimizer.step()
    return model.state_dict()


@pytest.mark.parametrize("embeddings", ["train", "used"])
def test_the_weights_are_those_of_a_plain_loop(bert, run_of, pairs, embeddings):
    plain = copy.deepcopy(bert.model)
    start = {name: value.clone() for name, value in plain.state_dict().items()}
    expected = learned_by_a_plain_loop(plain, pairs)
    fit(bert, run_of(SECTION.model_copy(update={"embeddings": embeddings}), lr=LR))
    found = bert.model.state_dict()
    # A key's bias moves no attention weight, so that its gradient is rounding, which Adam scales up.
    names = [name for name, value in start.items() if value.is_floating_point() and "key.bias" not in name]
    moved = sum(float((expected[name] - start[name]).square().sum()) for name in names)
    apart = sum(float((expected[name] - found[name]).square().sum()) for name in names)
    assert moved > 0.01
    assert apart < 1e-4 * moved
