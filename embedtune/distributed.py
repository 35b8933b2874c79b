"""The processes (ranks) of one training run: how they meet, and what they tell one another.

Every process runs the whole command on the same data; the first one (rank 0) decides what is measured, writes and
prints. Everything that they exchange goes through this file, so that one that ended is noticed in one place.

Why not accelerate's or torch's data-parallel wrapper: both divide batches by themselves, repeat rows to fill the last
one, and fail where a text is encoded twice (`training.step.gradcache`). Here each rank encodes its part of the global
batch, all compute the loss of the whole, and gradients are averaged once per step.
"""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

if dist.is_available():
    # Its functions have the group of that moment as a default. Were it first imported while the processes are joined,
    # as sentence-transformers does, the group would outlive `joined`, and its threads abort the ending process.
    import torch.distributed.nn.functional

from embedtune.errors import ConfigError, PeerEnded
from embedtune.processes import LAUNCHED, settle_who_speaks, this_process

Answer = TypeVar("Answer")
PATIENCE = timedelta(days=1)
"""How long one waits for the others, which may be scoring a large test split; one that ended is noticed at once."""
BUCKET = 16 * 2**20
"""Numbers in one exchange of gradients: 64 MiB of float32."""
HIDDEN = (*(names[0] for names in LAUNCHED.values()), "PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE")
"""Variables by which accelerate would divide batches and wrap the model a second time."""
DIVIDED = {
    "ACCELERATE_USE_FSDP": "FSDP",
    "ACCELERATE_USE_DEEPSPEED": "DeepSpeed",
    "ACCELERATE_USE_MEGATRON_LM": "Megatron-LM",
}
"""Variables by which `accelerate launch` asks for weights that are divided among processes -> by what."""
_apart = 0  # how many `apart` are open


@contextmanager
def joined() -> Iterator[None]:
    """Around a command that several processes run together: they meet, and part at its end. One process meets nobody.

    Raises:
        ConfigError: weights should be divided among the processes, or there are more processes than devices.
        PeerEnded: the others cannot be reached.
    """
    _refuse_divided_weights()
    here = this_process()
    if here.count == 1 or (dist.is_available() and dist.is_initialized()):
        yield
        return
    if torch.cuda.is_available():
        if here.local_rank >= torch.cuda.device_count():
            raise ConfigError(
                f"this machine has {torch.cuda.device_count()} GPUs, and {here.local_count} processes were started",
                where="training.device",
                next="start one process per GPU, or hide them with CUDA_VISIBLE_DEVICES= to train on the CPU",
            )
        torch.cuda.set_device(here.local_rank)
    # Gloo for small messages on the CPU, so that none of them waits for the device.
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    with _with_others():
        store, *_ = next(dist.rendezvous("env://", here.rank, here.count, timeout=PATIENCE))
        dist.init_process_group(
            backend, store=dist.PrefixStore("run", store), rank=here.rank, world_size=here.count, timeout=PATIENCE
        )
    settle_who_speaks(lambda: store.add("spoken", 1) == 1)
    hidden = {name: os.environ.pop(name) for name in HIDDEN if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(hidden)
        with suppress(RuntimeError):
            dist.destroy_process_group()


def _refuse_divided_weights() -> None:
    """Refuse weights that are divided: each forward pass would need all processes, which here encode by themselves.

    Their micro-batches differ in number, they share dev sets and guides batch by batch, and the first one alone
    measures the result.
    """
    for variable, name in DIVIDED.items():
        if os.environ.get(variable, "").lower() in ("1", "true", "yes"):
            raise ConfigError(
                f"{name} divides an encoder's weights among processes, and here each process holds all of them",
                where=variable,
                next="launch without it; with model.lora.rank=16 or training.freeze_layers, weights that do not learn "
                "take 4 bytes each instead of 16",
            )


def ranks() -> int:
    """Number of processes that work together now."""
    return dist.get_world_size() if not _apart and dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """The number of this process among them, from 0."""
    return dist.get_rank() if ranks() > 1 else 0


def is_first() -> bool:
    """Whether this process writes and prints, also while it works alone."""
    return not (dist.is_available() and dist.is_initialized()) or dist.get_rank() == 0


@contextmanager
def apart() -> Iterator[None]:
    """Around what one process does alone, while the others wait or are done: nothing is exchanged."""
    global _apart
    _apart += 1
    try:
        yield
    finally:
        _apart -= 1


def of_first(make: Callable[[], Answer]) -> Answer:
    """What the first process makes, in all of them; must be JSON. Nobody else makes it."""
    if ranks() == 1:
        return make()
    text = b""
    if is_first():
        with apart():
            text = json.dumps(make(), ensure_ascii=False).encode("utf-8", "surrogatepass")
    size = torch.tensor([len(text)])
    with _with_others():
        dist.broadcast(size, src=0)
        content = (
            torch.frombuffer(bytearray(text), dtype=torch.uint8) if text else torch.empty(int(size), dtype=torch.uint8)
        )
        dist.broadcast(content, src=0)
    answer: Answer = json.loads(content.numpy().tobytes().decode("utf-8", "surrogatepass"))
    return answer


def totals(values: Sequence[float]) -> list[float]:
    """Each number, summed over the processes."""
    if ranks() == 1:
        return [float(value) for value in values]
    total = torch.tensor(values, dtype=torch.float64)
    with _with_others():
        dist.all_reduce(total)
    return list(total.tolist())


def any_rank(flag: bool) -> bool:
    """Whether it is so in any of the processes."""
    return totals([float(flag)])[0] > 0


def from_all(values: Tensor) -> list[Tensor]:
    """The values of each process, which all have the same shape."""
    values = values.contiguous()
    found = [torch.empty_like(values) for _ in range(dist.get_world_size())]
    with _with_others():
        dist.all_gather(found, values)
    return found


def same_values(tensors: Iterable[Tensor]) -> None:
    """Give every process the values of the first, in place."""
    if ranks() > 1:
        with _with_others(), torch.no_grad():
            for one in tensors:
                sent = one.detach().contiguous()
                dist.broadcast(sent, src=0)
                one.copy_(sent)


def same_weights(module: nn.Module) -> None:
    """Give every process the parameters and buffers of the first."""
    same_values((*module.parameters(), *module.buffers()))


def average_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Replace each gradient by its mean over the processes, in exchanges of many at once.

    Where no process has a gradient, there is none afterwards either: an optimizer would move the parameter by its
    momentum or decay.
    """
    if ranks() == 1:
        return
    learning = [one for one in parameters if one.requires_grad]
    has = totals([float(one.grad is not None) for one in learning])
    bucket: list[Tensor] = []
    for one, found in zip(learning, has, strict=True):
        if found:
            one.grad = torch.zeros_like(one) if one.grad is None else one.grad
            alike = not bucket or (bucket[0].dtype, bucket[0].device) == (one.grad.dtype, one.grad.device)
            if not alike or sum(each.numel() for each in bucket) >= BUCKET:
                _average(bucket)
                bucket = []
            bucket.append(one.grad)
    _average(bucket)


def _average(gradients: Sequence[Tensor]) -> None:
    if not gradients:
        return
    flat = torch.cat([one.reshape(-1) for one in gradients])
    with _with_others():
        dist.all_reduce(flat)
    parts = (flat / ranks()).split([one.numel() for one in gradients])
    for one, part in zip(gradients, parts, strict=True):
        one.copy_(part.view_as(one))


def sum_over_ranks(values: Tensor, *, gathered: bool) -> Tensor:
    """The sum of each value over all ranks; the values themselves if they already cover all ranks."""
    if gathered or ranks() == 1:
        return values
    total: Tensor = _SumOverRanks.apply(values)
    return total


class _SumOverRanks(torch.autograd.Function):
    """Sum over ranks, whose gradient is summed over ranks too.

    Every rank computes the same loss from the sum, so the vectors of a rank get their single-process gradient times the
    number of ranks; data-parallel training then takes the mean over ranks, which corrects it. A plain all-reduce has no
    backward pass: its value would be right, and the trained gradient too small by the number of ranks.
    """

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        total = values.clone()
        with _with_others():
            dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        total = grad.contiguous().clone()
        with _with_others():
            dist.all_reduce(total)
        return total


@contextmanager
def _with_others() -> Iterator[None]:
    """Around an exchange: torch reports a process that is gone as a RuntimeError with the words of its transport."""
    try:
        yield
    except RuntimeError as error:
        count = this_process().count
        raise PeerEnded(
            f"another of the {count} processes of this run has ended, so this one stops too",
            next="its own message says why; one that was killed leaves none, and often ran out of memory",
        ) from error
