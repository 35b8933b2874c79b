"""sentence-transformers' ONNX and OpenVINO backends in a process of their own, for `engines.py --peer FOLDER`.

optimum wants older transformers than embedtune runs with, so FOLDER holds the packages of this side:

    pip install --no-deps --target FOLDER transformers==4.57.6 sentence-transformers==5.3.0 tokenizers==0.22.2 \
        huggingface_hub==0.36.2 datasets==4.0.0 optimum==2.1.0 optimum-onnx==0.1.0 optimum-intel==1.27.0 openvino nncf \
        openvino-telemetry

A line of JSON asks for a side and names a file of texts; a line of JSON with CPU seconds answers, and vectors are left
in a file. The first line says which sides there are, and why others are not.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.backend import export_dynamic_quantized_onnx_model, export_static_quantized_openvino_model

Load = Callable[[], SentenceTransformer]


def main() -> None:
    """Answer until the input ends."""
    model, out = sys.argv[1], Path(sys.argv[2])
    torch.set_num_threads(1)
    answers, sys.stdout = sys.stdout, sys.stderr  # libraries print, too
    with tempfile.TemporaryDirectory() as folder:
        sides, missing = opened(model, Path(folder))
        print(json.dumps({"sides": list(sides), "missing": missing}), file=answers, flush=True)
        for line in sys.stdin:
            asked = json.loads(line)
            texts = json.loads(Path(asked["texts"]).read_text(encoding="utf-8"))
            began = time.process_time()
            vectors = sides[asked["side"]].encode(texts, normalize_embeddings=True, show_progress_bar=False)
            spent = time.process_time() - began
            np.save(out, vectors.astype(np.float32))
            print(json.dumps({"cpu_s": spent}), file=answers, flush=True)


def opened(model: str, folder: Path) -> tuple[dict[str, SentenceTransformer], dict[str, str]]:
    """The sides that load, and the errors of the others."""
    found, missing = {}, {}
    for name, load in loaders(model, folder).items():
        try:
            found[f"sentence-transformers, {name}"] = load()
        except Exception as error:  # whatever versions that do not fit together raise
            missing[name] = f"{type(error).__name__}: {str(error).strip()[:300]}"
    return found, missing


def loaders(model: str, folder: Path) -> dict[str, Load]:
    """Each backend, in fp32 and in its own int8."""

    def plain(backend: str, **options: bool) -> SentenceTransformer:
        return SentenceTransformer(model, device="cpu", backend=backend, model_kwargs={"export": True, **options})

    def saved(backend: str, quantise: Callable[[SentenceTransformer, str], None], file: str) -> SentenceTransformer:
        whole, place = plain(backend), str(folder / backend)
        whole.save(place)
        quantise(whole, place)
        return SentenceTransformer(place, device="cpu", backend=backend, model_kwargs={"file_name": file})

    def onnx(whole: SentenceTransformer, place: str) -> None:
        export_dynamic_quantized_onnx_model(whole, "avx512_vnni", place)

    def openvino(whole: SentenceTransformer, place: str) -> None:
        export_static_quantized_openvino_model(whole, None, place)

    return {
        "onnx": lambda: plain("onnx"),
        "onnx int8": lambda: saved("onnx", onnx, "onnx/model_qint8_avx512_vnni.onnx"),
        "openvino": lambda: plain("openvino"),
        "openvino int8 weights": lambda: plain("openvino", load_in_8bit=True),
        "openvino int8": lambda: saved("openvino", openvino, "openvino/openvino_model_qint8_quantized.xml"),
    }


if __name__ == "__main__":
    main()
