"""Which of the processes of one command this is, by the variables that their launcher sets, and which one speaks.

torchrun and `accelerate launch` set RANK, WORLD_SIZE, LOCAL_RANK and LOCAL_WORLD_SIZE. Tasks that `srun` starts without
them are told apart by SLURM's own variables, where MASTER_ADDR and MASTER_PORT say where the first of them listens.

Loads no torch.
"""

import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

LAUNCHED = {
    "rank": ("RANK", "SLURM_PROCID"),
    "count": ("WORLD_SIZE", "SLURM_STEP_NUM_TASKS"),
    "local_rank": ("LOCAL_RANK", "SLURM_LOCALID"),
    "local_count": ("LOCAL_WORLD_SIZE", "SLURM_STEP_TASKS_PER_NODE"),
}
"""What is known about a process -> the variable of torch's launchers, and that of SLURM."""
MEETING = ("MASTER_ADDR", "MASTER_PORT")
"""Where the first process listens; without both there is one process only."""
SPOKEN = "EMBEDTUNE_SPOKEN"
"""Names a file that is made when a process reports a failure, so that `train --devices` knows of it."""
TURN_S = 1.0
"""How long a process that failed waits for one that knows more to report it."""
_claims: list[Callable[[], bool]] = []


@dataclass(frozen=True)
class Process:
    """One process of a command.

    Args:
        rank: its number among all, from 0.
        count: of all processes.
        local_rank: its number among those of its machine, which is the number of its device.
        local_count: of the processes on its machine.
    """

    rank: int = 0
    count: int = 1
    local_rank: int = 0
    local_count: int = 1

    @property
    def is_first(self) -> bool:
        """Whether it is the one that writes and prints."""
        return self.rank == 0


def process_of(environment: Mapping[str, str]) -> Process:
    """The process that these variables describe.

    >>> meet = {"MASTER_ADDR": "node1", "MASTER_PORT": "29500"}
    >>> process_of({"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2", **meet})
    Process(rank=3, count=4, local_rank=1, local_count=2)
    >>> slurm = {"SLURM_PROCID": "3", "SLURM_STEP_NUM_TASKS": "4", "SLURM_LOCALID": "1"}
    >>> process_of({**slurm, "SLURM_STEP_TASKS_PER_NODE": "2(x2)", **meet}) == Process(3, 4, 1, 2)
    True
    >>> process_of({"SLURM_PROCID": "0", "SLURM_STEP_NUM_TASKS": "4"})
    Process(rank=0, count=1, local_rank=0, local_count=1)
    """
    if not all(environment.get(name) for name in MEETING):
        return Process()
    source = 0 if environment.get("WORLD_SIZE") else 1
    given = {key: _number(environment.get(names[source])) for key, names in LAUNCHED.items()}
    if given["rank"] is None or given["count"] is None:
        return Process()
    return Process(**{key: value for key, value in given.items() if value is not None})


@cache
def this_process() -> Process:
    """This process, as its launcher described it when it was first asked; the variables may be gone afterwards."""
    return process_of(os.environ)


def settle_who_speaks(claim: Callable[[], bool]) -> None:
    """Let the processes agree on who reports a failure: `claim` is true in the first that calls it, of all of them."""
    _claims[:] = [claim]


def speaks(*, knows_why: bool = True) -> bool:
    """Whether this process reports the failure that it has; several of a command may have the same, or each other's.

    Args:
        knows_why: it is its own failure, and not that another process ended.
    """
    here = this_process()
    if here.count == 1:
        return True
    time.sleep(TURN_S * (int(not here.is_first) + 2 * int(not knows_why)))
    try:
        first = _claims[0]() if _claims else here.is_first
    except RuntimeError:  # the first process kept the list of who spoke, and it is gone
        first = here.rank <= 1
    if first and SPOKEN in os.environ:
        with suppress(OSError):
            Path(os.environ[SPOKEN]).touch()
    return first


def _number(text: str | None) -> int | None:
    """The number that a variable begins with; SLURM writes `2(x3)` for two tasks on each of three machines.

    >>> _number("2(x3)"), _number("4,2"), _number(None)
    (2, 4, None)
    """
    digits = ((text or "").partition("(")[0].partition(",")[0]).strip()
    return int(digits) if digits.isdecimal() else None
