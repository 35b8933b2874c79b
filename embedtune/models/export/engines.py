"""What runs an exported file: onnxruntime or OpenVINO, on the CPU."""

import importlib.util
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from embedtune.errors import ConfigError, ModelError, reason_of

INPUTS, OUTPUT = ("input_ids", "attention_mask"), "sentence_embedding"
NEEDED = {"onnx": ("onnxruntime",), "openvino": ("openvino",)}
"""Target -> the packages that run its exports."""
NEEDED_TO_WRITE = {
    "onnx": ("onnx", "onnxscript", "onnxruntime"),
    "openvino": ("onnx", "onnxscript", "onnxruntime", "openvino"),
}


class Engine(Protocol):
    """Runs an exported file."""

    def __call__(self, ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """Vectors float32 (n, D) of token ids and mask, int64 (n, L)."""


class OnnxEngine:
    """An exported file in onnxruntime; a copy is the same session, which threads may share.

    Args:
        path: of the .onnx file.
        threads: that it may use.
    """

    def __init__(self, path: Path, threads: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        # Threads that spin between batches take time from tokenizing.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def __call__(self, ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """As `Engine` says."""
        found: np.ndarray = self._session.run([OUTPUT], dict(zip(INPUTS, (ids, mask), strict=True)))[0]
        return found

    def __deepcopy__(self, memo: Any) -> "OnnxEngine":
        return self


class OpenVinoEngine:
    """An exported file in OpenVINO.

    Args:
        path: of the .xml file.
        threads: that it may use.
    """

    def __init__(self, path: Path, threads: int) -> None:
        import openvino

        # By default it multiplies in bf16 where the processor can.
        settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads}
        self._model = openvino.Core().compile_model(str(path), "CPU", settings)

    def __call__(self, ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """As `Engine` says."""
        found = self._model(dict(zip(INPUTS, (ids, mask), strict=True)))
        return np.array(found[OUTPUT], dtype=np.float32)

    def __deepcopy__(self, memo: Any) -> "OpenVinoEngine":
        return self


def open_engine(target: str, path: Path) -> Engine:
    """The engine of a target with this file.

    Raises:
        ConfigError: its package is not installed.
        ModelError: it cannot open the file.
    """
    demand_packages(target, NEEDED.get(target, ()), "reading this export")
    import torch

    try:
        kinds: dict[str, type[OnnxEngine] | type[OpenVinoEngine]] = {"onnx": OnnxEngine, "openvino": OpenVinoEngine}
        return kinds[target](path, torch.get_num_threads())
    except Exception as error:  # whatever a damaged file makes the engine raise
        raise ModelError(
            f"{path} cannot be opened: {reason_of(error)}", where="model", next="export it again"
        ) from error


def demand_packages(target: str, packages: tuple[str, ...], what: str) -> None:
    """Refuse to go on without packages.

    Raises:
        ConfigError: names those that are missing.
    """
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"{what} needs the package{'s' if len(missing) > 1 else ''} {', '.join(missing)}",
            where="--to" if what.startswith("export") else "model",
            next=f"pip install 'embedtune[{target}]'",
        )
