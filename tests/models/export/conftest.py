"""Exports of a few encoders, made once: torch takes seconds for each."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from embedtune.models.encoder import Encoder
from embedtune.models.export.job import ExportJob


@pytest.fixture(scope="session")
def graph(family: Callable[[str], Encoder], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of the ONNX export of a family in fp32; leave it alone."""
    pytest.importorskip("onnxscript")
    pytest.importorskip("onnxruntime")
    from embedtune.models.export.targets.onnx import write

    @cache
    def made(name: str) -> Path:
        folder = tmp_path_factory.mktemp("exports")
        write(ExportJob(family(name), folder))
        return folder

    return made
