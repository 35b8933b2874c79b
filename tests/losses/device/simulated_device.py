"""A device for tests on machines without one: its tensors live on the CPU, and refuse to mix with those that say so.

What would break or wait on a GPU shows here: an operation on tensors of two devices is an error, and every value that
the program waits for (`.item()`, `.cpu()`, a mask as an index) is counted.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_map_only

NAME = "simulated"
WAITS = {
    "aten._local_scalar_dense": "a scalar is read",
    "aten.nonzero": "the number of results is unknown",
    "aten.masked_select": "the number of results is unknown",
    "aten._unique2": "the number of results is unknown",
    "aten.unique_dim": "the number of results is unknown",
    "aten.unique_consecutive": "the number of results is unknown",
    "aten.repeat_interleave.Tensor": "the number of results is unknown",
    "aten.equal": "a truth value is read",
    "aten.is_nonzero": "a truth value is read",
}
"""Operations for which the CPU waits until the device is done."""
_waits: Counter[str] = Counter()


class SimulatedTensor(Tensor):
    """A tensor of the simulated device; `held` has its values."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> "SimulatedTensor":
        made = Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls,
            held.size(),
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            device=f"{NAME}:0",
        )
        made.held = held
        return made

    def __repr__(self) -> str:  # type: ignore[override]
        return f"SimulatedTensor({self.held})"

    def tolist(self) -> Any:
        """The values as numbers, for which the program waits once."""
        _waits["tolist: values are read"] += 1
        return self.held.tolist()

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


def _run(func: Any, args: Any, kwargs: Any) -> Any:
    """An operation on the values, its result on the device that it belongs to."""
    name = str(func)
    tensors = [one for one in tree_flatten((args, kwargs))[0] if isinstance(one, Tensor)]
    there = [one for one in tensors if isinstance(one, SimulatedTensor)]
    copies = name.startswith(("aten.copy_", "aten._to_copy"))
    if not copies:
        strangers = [one for one in tensors if not isinstance(one, SimulatedTensor) and one.dim()]
        # PyTorch takes indices from the CPU, and waits for them.
        if strangers and there and not name.startswith("aten.index"):
            raise RuntimeError(f"{name}: expected all tensors on one device, found {NAME} and cpu")
    _count(name, func, args, kwargs, tensors)
    target = kwargs.get("device")
    stays = target is None or torch.device(target).type == NAME
    plain_args, plain_kwargs = tree_map_only(SimulatedTensor, lambda one: one.held, (args, kwargs))
    if target is not None:
        plain_kwargs["device"] = "cpu"
    plain_kwargs.pop("pin_memory", None)
    result = func(*plain_args, **plain_kwargs)
    if func._schema.is_mutable:
        first = kwargs.get("out", args[0] if args else None)
        return first if isinstance(result, Tensor) else result
    if (there and stays) or (target is not None and stays):
        return tree_map_only(Tensor, SimulatedTensor, result)
    return result


def _count(name: str, func: Any, args: Any, kwargs: Any, tensors: list[Tensor]) -> None:
    overload = name if name in WAITS else name.rpartition(".")[0]
    if overload in WAITS:
        _waits[f"{overload}: {WAITS[overload]}"] += 1
    if name.startswith("aten.index") and any(
        isinstance(one, Tensor) and one.dtype in (torch.bool, torch.uint8) for one in tree_flatten(args[1])[0]
    ):
        _waits[f"{name}: a mask is an index"] += 1
    leaves = isinstance(args[0], SimulatedTensor) and str(kwargs.get("device")) == "cpu" if args else False
    if name.startswith("aten._to_copy") and leaves:
        _waits["aten._to_copy: values go to the CPU"] += 1
    if name.startswith("aten.copy_") and not isinstance(args[0], SimulatedTensor):
        _waits["aten.copy_: values go to the CPU"] += 1


def register() -> tuple[torch.library.Library, torch.library.Library]:
    """Register the device with torch; before any backward pass, whose engine counts the devices when it starts.

    It stays for the rest of the process, in which other tests would find a device that they do not know.
    """
    from torch.utils.backend_registration import _DummyBackendModule, _setup_privateuseone_for_python_backend

    class Backend(_DummyBackendModule):
        """Knows autocast, which every loss switches off."""

        def get_amp_supported_dtype(self) -> list[torch.dtype]:
            return [torch.float16, torch.bfloat16]

    _setup_privateuseone_for_python_backend(NAME, backend_module=Backend())
    library = torch.library.Library("_", "IMPL")
    library.fallback(lambda func, *args, **kwargs: _run(func, args, kwargs), "PrivateUse1")
    own = torch.library.Library("aten", "IMPL")
    for overload in ("arange", "arange.start", "arange.start_step"):
        own.impl(overload, _counted_up, "PrivateUse1")
    return library, own  # unregistered when they are collected


def _counted_up(*args: Any, **kwargs: Any) -> Tensor:
    """`torch.arange`, which torch would make from an empty tensor that grows, as no wrapper can."""
    return SimulatedTensor(torch.arange(*args, dtype=kwargs.get("dtype")))


LIBRARIES = register()


def there(tensor: Tensor) -> Tensor:
    """A copy of a tensor on the device; a leaf that learns if the tensor does."""
    return SimulatedTensor(tensor.detach().clone()).requires_grad_(tensor.requires_grad)


def here(tensor: Tensor) -> Tensor:
    """The values of a tensor of the device, uncounted."""
    return tensor.held if isinstance(tensor, SimulatedTensor) else tensor


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """What the CPU waits for within, by operation."""
    _waits.clear()
    found: Counter[str] = Counter()
    try:
        yield found
    finally:
        found.update(_waits)
