"""An encoder as an ONNX graph from token ids to the final vector, in single precision.

Through torch.export, and not by tracing one batch: traced with 3 texts, the graph of a six-layer BERT was right for
those and wrong by 0.1 for batches of other shapes, because masks became constants.
"""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from embedtune.errors import ModelError, reason_of
from embedtune.models.encode.batching import Features
from embedtune.models.encoder import Encoder
from embedtune.models.export.engines import INPUTS, OUTPUT
from embedtune.models.export.final_vector import FinalVector
from embedtune.models.export.reading_files import ExportReading

OPSET = 20
"""The first that has GELU as one operator; as five, in the order in which torch writes them, onnxruntime fuses none."""
SAMPLE = ("one", "two words and a few more", "How do I reset my password? 비밀번호를 잊어버렸어요.")
LARGEST = 1_900_000_000
"""Bytes of weights that fit into one file: protobuf ends at 2 GiB."""


def write_graph(encoder: Encoder, reading: ExportReading, path: Path) -> None:
    """Write the graph, with any number of texts and tokens as its input.

    Raises:
        ModelError: torch cannot export the architecture, or its weights do not fit into one file.
    """
    model = FinalVector(encoder, reading)
    size = sum(one.numel() * 4 for one in model.parameters())
    if size > LARGEST:
        raise ModelError(
            f"{encoder.name} has {size / 2**30:.1f} GiB of weights; an ONNX file holds at most 2 GiB",
            where="model",
            next="export a smaller encoder",
        )
    with _quiet(), torch.no_grad():
        try:
            _export(model, _sample(encoder), path)
        except Exception as error:  # whatever an architecture that torch cannot export makes it raise
            raise ModelError(
                f"torch cannot export {encoder.name} to ONNX: {reason_of(error)}",
                where="model",
                next="use it with sentence-transformers, or --to static",
            ) from error


def _export(model: FinalVector, sample: tuple[torch.Tensor, torch.Tensor], path: Path) -> None:
    texts, tokens = torch.export.Dim("texts"), torch.export.Dim("tokens")
    torch.onnx.export(
        model,
        sample,
        str(path),
        dynamo=True,
        input_names=list(INPUTS),
        output_names=[OUTPUT],
        dynamic_shapes={name: {0: texts, 1: tokens} for name in INPUTS},
        external_data=False,
        opset_version=OPSET,
        verbose=False,
    )


def _sample(encoder: Encoder) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and mask (3, L) of texts of different lengths; torch takes sizes 0 and 1 for constants."""
    if encoder.has_products:
        found: Features = dict(encoder.model.preprocess(list(SAMPLE)))
        return found["input_ids"], found["attention_mask"]
    rows = torch.arange(15).reshape(3, 5) % 4
    return rows, torch.ones_like(rows)


@contextmanager
def _quiet() -> Iterator[None]:
    """torch reports on every step of an export, and warns of its own code."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
