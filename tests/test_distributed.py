"""Several processes as one: what is refused before they meet."""

import pytest

from embedtune.distributed import DIVIDED, joined
from embedtune.errors import ConfigError


@pytest.mark.parametrize("variable", DIVIDED)
def test_weights_divided_among_processes_are_refused(monkeypatch, variable):
    monkeypatch.setenv(variable, "true")
    with pytest.raises(ConfigError, match="each process holds all of them") as caught, joined():
        pass
    assert caught.value.where == variable and "model.lora.rank" in caught.value.next
    monkeypatch.setenv(variable, "false")
    with joined():
        pass
