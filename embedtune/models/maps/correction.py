"""A low-rank residual on top of a linear map, for spaces that are not a straight image of each other."""

import numpy as np
import torch
from torch import Tensor, nn

from embedtune.models.maps.space_map import SpaceMap

RANK, STEPS, BATCH, EVERY = 64, 600, 512, 100
LR = 2e-3


class LowRankResidual(nn.Module):
    """x W + relu(x A) B of length 1; B begins as zeros, so that it starts as the linear map."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight.clone())  # (D, G)
        self.inner = nn.Parameter(torch.randn(weight.shape[0], RANK) / weight.shape[0] ** 0.5)  # (D, R)
        self.outer = nn.Parameter(torch.zeros(RANK, weight.shape[1]))  # (R, G)

    def forward(self, vectors: Tensor) -> Tensor:
        """Vectors (n, D) mapped: (n, G) of length 1."""
        mapped = vectors @ self.weight + (vectors @ self.inner).relu() @ self.outer
        return nn.functional.normalize(mapped, dim=-1)


def fit_correction(
    start: SpaceMap, source: np.ndarray, target: np.ndarray, probe: np.ndarray, truth: np.ndarray, *, seed: int
) -> SpaceMap:
    """Train the residual on source (n, D) and target (n, G); of several moments, the best on held-out texts is kept.

    Source: a residual adapter as in Houlsby et al. 2019, arXiv:1902.00751, between spaces instead of layers.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = LowRankResidual(torch.from_numpy(start.weight))
        optimizer = torch.optim.Adam(model.parameters(), lr=LR)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
        x, y, held, true = (torch.from_numpy(one) for one in (source, target, probe, truth))
        best, kept = -1.0, {name: value.clone() for name, value in model.state_dict().items()}
        for step in range(STEPS + 1):
            if step % EVERY == 0:
                with torch.no_grad():
                    found = float((model(held) * true).sum(dim=1).mean())
                if found > best:
                    best, kept = found, {name: value.clone() for name, value in model.state_dict().items()}
            rows = torch.randint(len(x), (min(BATCH, len(x)),))
            loss = 1 - (model(x[rows]) * y[rows]).sum(dim=1).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    arrays = {name: value.numpy() for name, value in kept.items()}
    return SpaceMap("mlp", arrays["weight"], arrays["inner"], arrays["outer"])
