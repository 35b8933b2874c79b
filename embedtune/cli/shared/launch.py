"""`train --devices N`: the same command in N processes of this machine, which torch's launcher starts and ends.

What `torchrun --standalone --nproc-per-node N -m embedtune train ...` does, without its banner: a process that fails
says why itself.
"""

import logging
import os
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from embedtune.cli.shared.guard import INTERRUPTED, AlreadySaid
from embedtune.errors import ConfigError, Interrupted, StoppedError
from embedtune.processes import SPOKEN


def launch(processes: int, words: Sequence[str]) -> int:
    """Run a command line of embedtune in several processes; returns its exit code.

    Args:
        processes: how many.
        words: of the command line, with `--devices`, which a process that was launched ignores.

    Raises:
        ConfigError: that many processes cannot be started.
        StoppedError: one was killed, and none of the others could say so.
        AlreadySaid: it was interrupted, and a process has said so.
    """
    from torch.distributed.elastic.multiprocessing import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    _demand(processes)
    meeting: dict[str, Any] = {"run_id": "embedtune", "rdzv_backend": "c10d", "rdzv_endpoint": "localhost:0"}
    config = LaunchConfig(1, 1, processes, max_restarts=0, monitor_interval=0.1, **meeting)
    with tempfile.TemporaryDirectory(prefix="embedtune-") as folder:
        spoken = Path(folder) / "spoken"
        os.environ[SPOKEN] = str(spoken)
        logging.disable(logging.ERROR)  # each of torch's loggers has a level of its own, and reports signals and ends
        try:
            elastic_launch(config, sys.executable)("-m", "embedtune", *words)
        except ChildFailedError as error:
            return exit_code({rank: failure.exitcode for rank, failure in error.failures.items()}, spoken.exists())
        except (SignalException, KeyboardInterrupt) as error:
            if spoken.exists():
                raise AlreadySaid(INTERRUPTED) from error
            raise Interrupted("interrupted") from error
        finally:
            logging.disable(logging.NOTSET)
            del os.environ[SPOKEN]
    return 0


def exit_code(codes: Mapping[int, int], spoken: bool) -> int:
    """The exit code of the command: of a process that failed by itself, rather than of one that followed it.

    Args:
        codes: rank -> how it ended; negative for a signal.
        spoken: whether a process has said why.

    Raises:
        StoppedError: all were killed, so that none could say it.

    >>> exit_code({0: 4, 1: 1}, True), exit_code({1: -9}, True), exit_code({0: 130, 1: 130}, True)
    (1, 4, 130)
    """
    own = sorted(code for code in codes.values() if code > 0)
    if not own and not spoken:
        signals = ", ".join(sorted({signal.Signals(-code).name for code in codes.values() if code < 0}))
        raise StoppedError(
            f"all processes of this run were killed ({signals}); the last checkpoint is kept",
            next="make sure that the memory suffices for all of them, then resume with --resume RUN",
        )
    return own[0] if own else StoppedError.exit_code


def _demand(processes: int) -> None:
    """Refuse a number of processes that this machine has no devices for.

    Raises:
        ConfigError: it has GPUs, but not that many.
    """
    import torch

    count = torch.cuda.device_count()
    if processes < 1 or (count and processes > count):
        has = f"this machine has {count} GPUs" if count else "at least one is needed"
        raise ConfigError(
            f"cannot train on {processes} devices: {has}",
            where="--devices",
            next="ask for as many as there are, or for several machines start it with torchrun",
        )
