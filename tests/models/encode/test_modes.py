"""Modes for a while."""

import pytest
from torch import nn

from embedtune.models.encode.modes import in_mode


@pytest.mark.parametrize("training", [True, False])
def test_each_part_gets_its_own_mode_back_whatever_happens(training: bool):
    model = nn.Sequential(nn.Dropout(), nn.Sequential(nn.Dropout()))
    model[1].eval()
    before = [part.training for part in model.modules()]
    with pytest.raises(KeyboardInterrupt), in_mode(model, training=training):
        assert {part.training for part in model.modules()} == {training}
        raise KeyboardInterrupt
    assert [part.training for part in model.modules()] == before == [True, True, False, False]
