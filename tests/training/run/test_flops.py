"""Operations counted from the weights, against those that torch counts as they are done."""

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from embedtune.models.encoder import Encoder
from embedtune.training.run.pace import training_flops


def test_a_static_encoder_multiplies_no_matrices(starter: Encoder):
    assert training_flops(starter) is None


def test_they_are_those_that_torch_counts(bert: Encoder):
    """With attention as plain products, whose operations torch counts, and three texts of 20 tokens."""
    model = bert.model.eval()
    model[0].model.set_attn_implementation("eager")
    features = {"input_ids": torch.full((3, 20), 5), "attention_mask": torch.ones(3, 20, dtype=torch.long)}
    with FlopCounterMode(display=False) as counter:
        model(features)["sentence_embedding"].sum().backward()
    found = training_flops(bert)
    assert found is not None
    # We take biases, norms and a pooler that nobody asks for products of all tokens: little in a model of usual size.
    named = [(name, one) for name, one in model.named_parameters() if "embeddings.weight" not in name]
    rest = sum(one.numel() for name, one in named if one.dim() < 2 or "pooler" in name)
    assert 0 < rest < sum(one.numel() for _, one in named) / 4
    pooler = 2 * 3 * 32 * 32  # of the first token of each text, forward only
    assert found.of(np.array([20, 20, 20])) - 6 * 60 * rest == counter.get_total_flops() - pooler


def test_weights_that_do_not_learn_cost_a_third_less(bert: Encoder):
    whole = training_flops(bert)
    bert.model.requires_grad_(False)
    frozen = training_flops(bert)
    assert whole is not None and frozen is not None
    assert frozen.per_token == pytest.approx(whole.per_token * 4 / 6)
    assert frozen.per_pair == whole.per_pair == 12 * 2 * 32
