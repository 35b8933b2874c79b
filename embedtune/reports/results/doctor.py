"""What a look at the machine finds."""

from dataclasses import dataclass

from embedtune.findings import Finding
from embedtune.reports.results.base import VerbResult
from embedtune.runtime import Setting


@dataclass(frozen=True)
class Installed:
    """A package: the version found (None: missing), the range required, and whether the one is in the other."""

    name: str
    version: str | None
    required: str
    supported: bool
    extra: str | None = None


@dataclass(frozen=True)
class Processor:
    """The processor, and how much of it this process may use. `quota` is a container's share, in processors."""

    name: str
    cores: int
    usable: int
    quota: float | None
    instructions: tuple[str, ...]


@dataclass(frozen=True)
class Device:
    """A device that torch can use, the precision that `auto` chooses there, and why.

    `peaks` are matrix products in FLOP/s by precision, `bandwidth` is the bytes per second of a copy; empty and None
    where nothing was measured.
    """

    device: str
    name: str
    memory_bytes: int | None
    free_bytes: int | None
    precision: str
    reason: str
    peaks: dict[str, float]
    bandwidth: float | None


@dataclass(frozen=True)
class TorchBuild:
    """What torch was built for, whether there is an NVIDIA driver, and the GPUs that the user made visible."""

    cuda: str | None
    hip: str | None
    nvidia_driver: bool
    visible_gpus: str | None


@dataclass(frozen=True)
class ThreadPool:
    """A library that computes on several threads, and the package that it came with."""

    library: str
    of: str
    threads: int


@dataclass(frozen=True)
class Memory:
    """Bytes: what the machine has, what a container may use of it (None: all), what is available now."""

    total_bytes: int | None
    limit_bytes: int | None
    available_bytes: int | None


@dataclass(frozen=True)
class Place:
    """A folder that a command writes to, or its nearest parent that exists."""

    use: str
    folder: str
    free_bytes: int | None
    writable: bool


@dataclass(frozen=True)
class StoreUse:
    """The vector store, its size and the most that it may grow to."""

    folder: str
    size_bytes: int
    cap_bytes: int


@dataclass(frozen=True)
class HubAccess:
    """Whether the Hub must not be contacted, the variables that say so, and the folder of its models."""

    offline: bool
    said: tuple[str, ...]
    folder: str


@dataclass(frozen=True)
class Diagnosis(VerbResult):
    """The outcome of `embedtune doctor`; the field names are the `--json` keys and do not change.

    Args:
        devices: the one that `auto` chooses is first.
        settings: what was settled at start-up, by whom and why.
        verdict: "errors", "warnings", "notes" or "clean", by the most severe finding.
    """

    system: str
    versions: tuple[Installed, ...]
    processor: Processor
    devices: tuple[Device, ...]
    torch: TorchBuild
    threads: tuple[ThreadPool, ...]
    settings: tuple[Setting, ...]
    memory: Memory
    places: tuple[Place, ...]
    store: StoreUse
    hub: HubAccess
    findings: tuple[Finding, ...]
    verdict: str
