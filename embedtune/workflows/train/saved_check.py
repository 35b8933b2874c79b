"""The saved model gives the vectors that were measured: checked by a process that has nothing but the folder.

In the process that trained, a file never written, a prompt kept in memory or a class registered by hand would go
unnoticed. Another process needs ten seconds to load the libraries, so it starts before the last scoring and waits.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

import numpy as np

from embedtune.errors import ModelError, machine_fault, reason_of
from embedtune.models.encoder import Role
from embedtune.runtime import loading, settle
from embedtune.signals import KNOWN, is_signal

TOLERANCE = 1e-5
"""Largest difference of a component. Saved weights are float32, whatever the precision of training."""
PATIENCE_S = 600
REFUSED = 3
"""Exit code of a reader that started but could not load the model."""

Vectors = Callable[[Sequence[str], Role], np.ndarray]
"""(texts, role) -> (n, D)."""


@contextmanager
def reader(*, wanted: bool = True) -> Iterator[subprocess.Popen[bytes] | None]:
    """A process that loads the libraries and waits for a request; None if it cannot be started."""
    process = _start() if wanted else None
    try:
        yield process
    finally:
        if process is not None:
            process.kill()
            process.communicate()


def check_saved(
    folder: Path,
    texts: Sequence[str],
    measured: Vectors,
    here: Vectors,
    *,
    process: subprocess.Popen[bytes] | None,
    device: str,
    trust_remote_code: bool = False,
) -> str | None:
    """Make sure that the model in a folder gives the vectors of the model in memory, which are `measured`.

    They are computed by `process`, a `reader`; `here` computes them in this process if there is no other one.

    Returns: why it was not checked in another process; None if it was.

    Raises:
        ModelError: it gives other vectors, or cannot be loaded.
    """
    request = {"folder": str(folder), "texts": list(texts), "device": device, "trust_remote_code": trust_remote_code}
    read = _ask(process, request) if process is not None else "no other process could be started"
    for role in get_args(Role):
        saved = here(texts, role) if isinstance(read, str) else read[role]  # (n, D)
        distance = float(np.abs(measured(texts, role) - saved).max())
        if not distance <= TOLERANCE:
            raise ModelError(
                f"the saved model is not the trained one: {role} vectors differ by {distance:.2g}",
                where=str(folder),
                next="this is a bug in embedtune; please report it with the recipe of the run",
            )
    return read if isinstance(read, str) else None


def _start() -> subprocess.Popen[bytes] | None:
    # It may import what this process can, and nothing from the current folder.
    places = os.pathsep.join(str(Path(place).absolute()) for place in sys.path if place)
    surroundings = {**os.environ, "PYTHONPATH": places, "HF_HUB_OFFLINE": "1"}
    try:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=surroundings,
            # Ctrl-C is meant for the process that asked.
            start_new_session=True,
        )
    except (OSError, ValueError, TypeError):
        return None


def _ask(process: subprocess.Popen[bytes], request: dict[str, Any]) -> dict[str, np.ndarray] | str:
    """The vectors by role, or the reason why there are none."""
    try:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            # The other process knows no names of signals: it gets their samples, which give them the same names.
            samples = {name: KNOWN.samples(name) for name in request["texts"] if is_signal(name)}
            np.savez(Path(folder) / "signals.npz", allow_pickle=False, **samples)
            asked = request | {"signals": str(Path(folder) / "signals.npz")}
            return _answer(process, asked, Path(folder) / "vectors.npz")
    except OSError as error:  # no room for temporary files must not end a run that is trained
        return f"the other process could not be asked ({reason_of(error)})"


def _answer(process: subprocess.Popen[bytes], request: dict[str, Any], into: Path) -> dict[str, np.ndarray] | str:
    try:
        _, said = process.communicate(json.dumps(request | {"into": str(into)}).encode(), timeout=PATIENCE_S)
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        return f"the other process did not answer ({type(error).__name__})"
    last = said.decode(errors="replace").strip().rsplit("\n", 1)[-1][:300]
    if process.returncode == REFUSED:
        why = RuntimeError(last)
        fault = machine_fault(why)
        raise ModelError(
            f"a fresh process cannot load the saved model: {last}",
            where=request["folder"],
            next=fault.next if fault else "this is a bug in embedtune; please report it with the recipe of the run",
        ) from why
    if process.returncode or not into.is_file():
        return f"the other process failed ({last or process.returncode})"
    with np.load(into) as vectors:
        return {role: vectors[role] for role in get_args(Role)}


def _serve() -> int:
    """In the other process: wait for a request on stdin, and write the vectors where it says."""
    settle()
    with loading():
        import embedtune.training.batch.batches  # noqa: F401  (sentence-transformers: ten seconds, spent while we wait anyway)
    from embedtune.config.sections.encoder import EncoderSection
    from embedtune.models.encode.encode import encode
    from embedtune.models.files.load import load_encoder

    request = json.load(sys.stdin.buffer)
    try:
        section = EncoderSection(name=request["folder"], trust_remote_code=request["trust_remote_code"])
        encoder = load_encoder(section, device=request["device"])
    except Exception as error:  # whatever the libraries raise, the process that asked prints it
        print(error, file=sys.stderr)
        return REFUSED
    texts = request["texts"]
    with np.load(request["signals"]) as signals:
        for name in signals.files:
            KNOWN.add(signals[name])
    np.savez(
        request["into"],
        query=encode(encoder, texts, role="query"),  # (n, D)
        document=encode(encoder, texts, role="document"),  # (n, D)
    )
    return 0


if __name__ == "__main__":
    sys.exit(_serve())
