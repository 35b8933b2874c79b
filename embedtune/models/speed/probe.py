"""How long a training step of an encoder takes on this machine, and how much memory: measured on a few texts."""

import copy
import statistics
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from embedtune.cgroup import free_memory
from embedtune.models.encode.tokenizer import Tokenizer, forward
from embedtune.models.encoder import Encoder, in_mode
from embedtune.models.speed.precision import multiplying
from embedtune.processes import this_process

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

REPEATS = 3
FORWARD = 1 / 3
"""Share of a step's time for the forward pass; added once more for texts that are encoded twice."""
_STATES = 4  # numbers per weight: itself, its gradient, and Adam's two moments
_WIDTH = 4  # bytes of a float32
_ASSUMED = 8 * 2**30
"""Bytes assumed to be free where the system does not say."""


@dataclass(frozen=True)
class Probe:
    """Time and memory of a few steps.

    Args:
        texts: texts in the probe.
        tokens: tokens in it, padding included.
        texts_s: seconds of their forward and backward pass; the median of several.
        update_s: seconds of one optimizer step, which do not depend on the batch.
        weights_bytes: weights, gradients and the optimizer's state.
        kept_bytes: activations that the probe's forward pass keeps for its backward pass.
        allowed_bytes: most activations in training on this machine; texts beyond that are encoded twice.
    """

    texts: int
    tokens: int
    texts_s: float
    update_s: float
    weights_bytes: int
    kept_bytes: int
    allowed_bytes: int

    def step_s(self, texts: int) -> float:
        """Seconds of a step with this many similar texts."""
        kept = self.kept_bytes * texts / self.texts
        twice = max(0.0, 1 - self.allowed_bytes / kept) if kept else 0.0
        return self.texts_s * (1 + FORWARD * twice) * texts / self.texts + self.update_s

    def step_bytes(self, texts: int) -> int:
        """Memory of such a step."""
        return self.weights_bytes + min(self.allowed_bytes, self.kept_bytes * texts // self.texts)


def probe(
    encoder: Encoder,
    texts: Sequence[str],
    *,
    frozen: "Callable[[SentenceTransformer], AbstractContextManager[None]]" = nullcontext,
) -> Probe:
    """Train a copy of the encoder for a few steps on typical texts, as queries, and discard the copy.

    Args:
        encoder: is copied.
        texts: to train on.
        frozen: keeps a part of a model from learning for a while, such as token vectors: the time of a large table does
            not depend on the texts, and a step that updates only those in use takes almost none of it.
    """
    model = copy.deepcopy(encoder.model).requires_grad_(True).train()
    with frozen(model):
        return _probe(replace(encoder, model=model), texts)


def _probe(encoder: Encoder, texts: Sequence[str]) -> Probe:
    import torch
    from sentence_transformers.util import batch_to_device

    from embedtune.models.speed.peak import timed

    model = encoder.model
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=1e-9)
    tokenizer = Tokenizer(encoder)
    tokenized = tokenizer.tokenize(texts, "query")
    features = batch_to_device(tokenized.features(range(len(texts))), model.device)
    kept = _kept_bytes(model, features)
    _loss(model, features).backward()
    optimizer.step()  # creates the moments
    times, updates = [], []
    for _ in range(REPEATS):
        optimizer.zero_grad()
        times.append(timed(lambda: _loss(model, features).backward(), model.device))
        updates.append(timed(optimizer.step, model.device))
    return Probe(
        texts=len(texts),
        tokens=max(1, tokenizer.cost(tokenized.lengths)),
        texts_s=statistics.median(times),
        update_s=statistics.median(updates),
        weights_bytes=_STATES * _WIDTH * sum(parameter.numel() for parameter in parameters),
        kept_bytes=kept,
        allowed_bytes=allowed_bytes(model.device),
    )


def activation_bytes(encoder: Encoder, features: "Mapping[str, torch.Tensor]", precision: str) -> int:
    """Bytes of activations that the backward pass of a batch would need; neither weights nor random states change.

    `features` are those of `TokenizedTexts.features`, `precision` that of the products: fp32, bf16 or fp16.
    """
    import torch
    from sentence_transformers.util import batch_to_device

    model = encoder.model
    states, products = torch.random.fork_rng(_indices(model.device)), multiplying(precision, str(model.device))
    with in_mode(model, training=True), states, products:
        return _kept_bytes(model, batch_to_device(dict(features), model.device))


def allowed_bytes(device: "torch.device") -> int:
    """Most bytes of activations: half of the free memory of a GPU, or a quarter on a CPU, where other programs need
    memory too. Rounded down to a power of two, so that a repeated run rarely gets another answer."""
    return _power_below(_free_on_gpu(device) // 2) if device.type == "cuda" else allowed_on_processors()


def allowed_on_processors() -> int:
    """`allowed_bytes` without a GPU, which needs no torch."""
    free = free_memory()
    return _power_below((_ASSUMED if free is None else free) // (4 * this_process().local_count))


def _power_below(size: int) -> int:
    """The largest power of two that is not above the size; at least 1."""
    return 2 ** max(0, size.bit_length() - 1)


def _free_on_gpu(device: "torch.device") -> int:
    """Free bytes, including those that torch has reserved but does not use."""
    import torch

    kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return int(torch.cuda.mem_get_info(device)[0]) + kept


def _indices(device: "torch.device") -> list[int]:
    """The index of a GPU, to save its random state; empty for other devices."""
    import torch

    if device.type != "cuda":
        return []
    return [torch.cuda.current_device() if device.index is None else device.index]


def _loss(model: "torch.nn.Module", features: "Mapping[str, torch.Tensor]") -> "torch.Tensor":
    import torch

    vectors = torch.nn.functional.normalize(forward(model, features))  # (n, D)
    return (vectors @ vectors.T).logsumexp(dim=1).mean()


def _kept_bytes(model: "torch.nn.Module", features: "Mapping[str, torch.Tensor]") -> int:
    """Bytes saved for the backward pass, except weights; views of one storage count once."""
    import torch

    kept: dict[int, int] = {}

    def count(tensor: "torch.Tensor") -> "torch.Tensor":
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
        loss = _loss(model, features)
    known = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    del loss  # only now: while it exists, no address is used twice
    return sum(size for place, size in kept.items() if place not in known)
