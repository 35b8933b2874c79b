"""Encoding with exports compared with sentence-transformers and its backends, in one run on one thread.

    python benchmarks/engines.py --model MODEL --data PATH/scifact PATH/welfare-ko PATH/medquad --peer FOLDER

`--texts` documents of each set, drawn with a seed. The sides take turns, and CPU seconds are counted, tokenization
included: another program on the machine changes wall time more than these. sentence-transformers' ONNX and OpenVINO
backends need packages that do not fit with embedtune's, so they run in a process of their own, from FOLDER
(`engines_peer.py` says what to install there); what cannot be loaded is named with its error. Vectors of every side are
compared with the default's.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sentence_transformers import SentenceTransformer

from embedtune.config.sections.encoder import EncoderSection
from embedtune.data.sources.texts import TextStream
from embedtune.models.encode.encode import encode
from embedtune.models.encoder import Encoder
from embedtune.models.export.job import ExportJob
from embedtune.models.export.targets import onnx
from embedtune.models.files.load import load_encoder
from embedtune.models.sources.resolve import resolve

DEFAULT = "sentence-transformers, default"
Side = Callable[[Sequence[str]], tuple[np.ndarray, float]]
"""Texts -> unit vectors and CPU seconds."""


def main() -> None:
    """Measure every side on every set, print a table and write JSON."""
    args = arguments()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        sides = ours(args.model, Path(folder)) | theirs(args.model)
        if args.peer:
            sides |= Peer(args.peer, args.model, Path(folder)).sides()
        found = {data: measured(sides, drawn(data, args.texts), args.repeats) for data in args.data}
    print(f"| {args.model} | " + " | ".join(Path(data).name for data in args.data) + " | lowest cosine |")
    print("| --- |" + " ---: |" * (len(args.data) + 1))
    for name in sides:
        ratios = [found[data][DEFAULT]["cpu_s"] / found[data][name]["cpu_s"] for data in args.data]
        cosine = min(found[data][name]["cosine"] for data in args.data)
        print(f"| {name} | " + " | ".join(f"{ratio:.2f}" for ratio in ratios) + f" | {cosine:.4f} |")
    if args.json:
        args.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--data", nargs="+", required=True)
    parser.add_argument("--texts", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--peer", type=Path)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def drawn(data: str, count: int) -> list[str]:
    """Documents of a set, the same ones each time."""
    stream = TextStream(data, None)
    texts = [document.text for batch in stream.batches(4096) for document in batch]
    return [texts[i] for i in np.random.default_rng(0).permutation(len(texts))[:count]]


def ours(model: str, folder: Path) -> dict[str, Side]:
    """embedtune with torch, and with its exports."""
    section = EncoderSection(name=model)
    encoders = {
        f"embedtune, torch {name}": load_encoder(section, device="cpu", precision=name) for name in ("fp32", "bf16")
    }
    texts = drawn("samples", 500)
    for name, precision, calibrated in (("fp32", "fp32", 0), ("int8", "int8", 0), ("int8, calibrated", "int8", 100)):
        place = folder / name.replace(", ", "-")
        place.mkdir()
        onnx.write(ExportJob(encoders["embedtune, torch fp32"], place, precision, texts, calibrated))
        encoders[f"embedtune, onnx {name}"] = load_encoder(EncoderSection(name=str(place)), device="cpu")
    return {name: side_of(encoder) for name, encoder in encoders.items()}


def side_of(encoder: Encoder) -> Side:
    """Unit vectors of documents, without a store."""
    return timed(lambda texts: encode(encoder, texts, role="document"))


def timed(encoded: Callable[[Sequence[str]], np.ndarray]) -> Side:
    """A side of this process."""

    def side(texts: Sequence[str]) -> tuple[np.ndarray, float]:
        began = time.process_time()
        vectors = encoded(texts)
        return vectors, time.process_time() - began

    return side


class Peer:
    """The sides of `engines_peer.py`, which answers from a process with packages of its own.

    Args:
        packages: a folder of them.
        model: the encoder.
        folder: for texts and vectors.
    """

    def __init__(self, packages: Path, model: str, folder: Path) -> None:
        self._texts, self._vectors = folder / "texts.json", folder / "vectors.npy"
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("engines_peer.py")), load_path(model), str(self._vectors)],
            env={**os.environ, "PYTHONPATH": str(packages), "OMP_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def sides(self) -> dict[str, Side]:
        """Those that load; the others are named on stderr."""
        said = self._answer()
        for name, error in said["missing"].items():
            print(f"sentence-transformers' {name} is left out: {error}", file=sys.stderr)
        return {name: partial(self._encoded, name) for name in said["sides"]}

    def _encoded(self, name: str, texts: Sequence[str]) -> tuple[np.ndarray, float]:
        self._texts.write_text(json.dumps(list(texts)), encoding="utf-8")
        print(json.dumps({"side": name, "texts": str(self._texts)}), file=self._process.stdin, flush=True)
        spent = self._answer()["cpu_s"]
        return np.load(self._vectors), spent

    def _answer(self) -> dict[str, Any]:
        line = self._process.stdout.readline() if self._process.stdout else ""
        found: dict[str, Any] = json.loads(line)
        return found


def theirs(model: str) -> dict[str, Side]:
    """sentence-transformers by default and in bf16."""
    path = load_path(model)
    whole = SentenceTransformer(path, device="cpu")
    found = {DEFAULT: side_of_peer(whole)}
    half = SentenceTransformer(path, device="cpu", model_kwargs={"dtype": torch.bfloat16})
    found["sentence-transformers, bf16"] = side_of_peer(half)
    return found


def load_path(model: str) -> str:
    """The folder of a model."""
    return str(resolve(EncoderSection(name=model)).path or model)


def side_of_peer(model: SentenceTransformer) -> Side:
    """Unit vectors of documents with the model's own prompt for them."""
    prompt = model.prompts.get("document") or model.prompts.get("passage") or None
    return timed(
        lambda texts: model.encode(
            list(texts), prompt=prompt, normalize_embeddings=True, show_progress_bar=False
        ).astype(np.float32)
    )


def measured(sides: dict[str, Side], texts: list[str], repeats: int) -> dict[str, dict[str, float]]:
    """The median CPU seconds of each side, and its lowest cosine with the default."""
    times: dict[str, list[float]] = {name: [] for name in sides}
    vectors = {name: side(texts[:8])[0] for name, side in sides.items()}  # warm
    for _ in range(repeats):
        for name, side in sides.items():
            vectors[name], spent = side(texts)
            times[name].append(spent)
    return {
        name: {
            "cpu_s": statistics.median(times[name]),
            "cosine": float((vectors[name] * vectors[DEFAULT]).sum(axis=1).min()),
        }
        for name in sides
    }


if __name__ == "__main__":
    main()
