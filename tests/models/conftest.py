"""One encoder of each family for all tests of models."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from families import make_family

from embedtune.models.encoder import Encoder


@pytest.fixture(scope="session")
def family(bare_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Encoder]:
    """Makes an encoder of the named family; the same one each time, so leave its weights alone."""
    return cache(lambda name: make_family(name, bare_folder, tmp_path_factory.mktemp("families") / name))
