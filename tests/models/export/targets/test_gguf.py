"""GGUF is refused in words, with the program that writes it."""

import pytest

from embedtune.errors import ConfigError
from embedtune.models.export.targets.gguf import demand


def test_it_is_refused_before_any_work() -> None:
    with pytest.raises(ConfigError, match="does not write GGUF") as caught:
        demand()
    assert "convert_hf_to_gguf.py" in (caught.value.next or "")
