"""How long a training step of an encoder takes here, and how much memory: measured on a few texts, not guessed."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from embedtune.models.encoder import Encoder, has_towers, readable

if TYPE_CHECKING:
    import torch

REPEATS = 3
_STATES = 4  # numbers kept for each weight: itself, its gradient, and Adam's two moments
_WIDTH = 4  # bytes of a float32


@dataclass(frozen=True)
class Probe:
    """What was measured.

    Args:
        texts: texts in the probe.
        tokens: tokens in it, padding included.
        texts_s: to tokenise it, and its forward and backward pass; the median of some.
        update_s: one step of the optimizer, whatever the batch.
        weights_bytes: weights, gradients and the optimizer's state.
        kept_bytes: what the backward pass of the probe needs of its forward pass.
    """

    texts: int
    tokens: int
    texts_s: float
    update_s: float
    weights_bytes: int
    kept_bytes: int

    def step_s(self, texts: int) -> float:
        """Seconds that a step with so many texts of the same kind takes."""
        return self.texts_s * texts / self.texts + self.update_s

    def step_bytes(self, texts: int) -> int:
        """Memory that such a step takes."""
        return self.weights_bytes + self.kept_bytes * texts // self.texts


def probe(encoder: Encoder, texts: Sequence[str]) -> Probe:
    """Train a copy of the encoder on these texts for some steps, and forget the copy.

    Args:
        encoder: what would be trained; it is not changed.
        texts: typical of the data, as many as fit at once; they are encoded as queries.
    """
    import torch

    model = encoder.snapshot().model.requires_grad_(True).train()
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=1e-9)
    features = _features(encoder, texts)
    kept: dict[int, int] = {}
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: _count(tensor, kept), lambda tensor: tensor):
        loss = _loss(model, features)
    known = {parameter.untyped_storage().data_ptr() for parameter in parameters}
    loss.backward()
    optimizer.step()  # makes the moments
    times, updates = [], []
    for _ in range(REPEATS):
        optimizer.zero_grad()
        times.append(_timed(lambda: _loss(model, _features(encoder, texts)).backward(), model.device))
        updates.append(_timed(optimizer.step, model.device))
    return Probe(
        texts=len(texts),
        tokens=max(1, features["input_ids"].numel()) if "input_ids" in features else len(texts),
        texts_s=statistics.median(times),
        update_s=statistics.median(updates),
        weights_bytes=_STATES * _WIDTH * sum(parameter.numel() for parameter in parameters),
        kept_bytes=sum(size for place, size in kept.items() if place not in known),
    )


def _features(encoder: Encoder, texts: Sequence[str]) -> dict[str, "torch.Tensor"]:
    from sentence_transformers.util import batch_to_device

    route = {"task": "query"} if has_towers(encoder.model) else {}
    features = encoder.model.preprocess(
        [readable(text) for text in texts], prompt=encoder.prompts["query"] or None, **route
    )
    return batch_to_device(features, encoder.model.device)


def _loss(model: "torch.nn.Module", features: dict[str, "torch.Tensor"]) -> "torch.Tensor":
    import torch

    vectors = torch.nn.functional.normalize(model(dict(features))["sentence_embedding"])  # (n, D)
    return (vectors @ vectors.T).logsumexp(dim=1).mean()


def _count(tensor: "torch.Tensor", kept: dict[int, int]) -> "torch.Tensor":
    """Remember the size of a tensor that the backward pass needs; views of one storage count once."""
    storage = tensor.untyped_storage()
    kept[storage.data_ptr()] = storage.nbytes()
    return tensor


def _timed(work: Callable[[], object], device: "torch.device") -> float:
    import torch

    started = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - started
