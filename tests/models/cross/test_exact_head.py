"""The head of a cross-encoder keeps its digits where everything before it has eight bits."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from embedtune.config.sections.encoder import ModelSection
from embedtune.models.cross.cross_encoder import load_cross_encoder
from embedtune.models.cross.exact_head import exact_head


def logits(model, pairs):
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        return model(model.preprocess(pairs))["scores"]


def test_scores_in_bf16_are_near_those_in_fp32_and_finer_than_bf16(cross_folder: Path, texts: tuple[str, ...]) -> None:
    pairs = [(one, other) for one in texts for other in texts]
    scorer = load_cross_encoder(ModelSection(name=str(cross_folder)), device="cpu")
    exact, fast = scorer.scores(pairs), replace(scorer, products="bf16").scores(pairs)
    assert 0 < np.abs(fast - exact).max() < 0.1 * np.ptp(exact)
    rounded = torch.from_numpy(fast).to(torch.bfloat16).float().numpy()
    assert len(np.unique(fast)) > len(np.unique(rounded))


def test_the_head_alone_is_in_fp32_and_only_while_asked(cross_folder: Path, texts: tuple[str, ...]) -> None:
    model = load_cross_encoder(ModelSection(name=str(cross_folder)), device="cpu").model.eval()
    pairs = [(texts[0], texts[1]), (texts[2], texts[3])]
    assert logits(model, pairs).dtype == torch.bfloat16
    with exact_head(model):
        found = logits(model, pairs)
        with exact_head(model):
            assert torch.equal(logits(model, pairs), found)
        assert torch.equal(logits(model, pairs), found)
    assert found.dtype == torch.float32
    assert logits(model, pairs).dtype == torch.bfloat16


def test_gradients_reach_what_is_before_the_head(cross_folder: Path, texts: tuple[str, ...]) -> None:
    model = load_cross_encoder(ModelSection(name=str(cross_folder)), device="cpu").model.eval()
    features = model.preprocess([(texts[0], texts[1])])
    model(features)["scores"].sum().backward()
    exact = {name: value.grad.clone() for name, value in model.named_parameters() if value.grad is not None}
    model.zero_grad()
    with exact_head(model), torch.autocast("cpu", dtype=torch.bfloat16):
        model(features)["scores"].sum().backward()
    largest = max(float(value.abs().max()) for value in exact.values())
    for name, value in model.named_parameters():
        if name in exact:
            assert float((value.grad - exact[name]).abs().max()) < 0.05 * largest, name
