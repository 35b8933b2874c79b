import pytest

from embedtune.errors import ConfigError
from embedtune.models import precision
from embedtune.models.precision import choose_precision


def test_bf16_where_the_processor_has_it(monkeypatch):
    monkeypatch.setattr(precision, "_cpu_has_bf16", lambda: True)
    assert choose_precision("auto", "cpu", has_products=True).name == "bf16"


def test_fp32_where_it_does_not_and_the_reason_is_given(monkeypatch):
    monkeypatch.setattr(precision, "_cpu_has_bf16", lambda: False)
    chosen = choose_precision("auto", "cpu", has_products=True)
    assert chosen.name == "fp32" and "cpu" in chosen.reason


def test_an_encoder_without_products_stays_in_fp32(monkeypatch):
    monkeypatch.setattr(precision, "_cpu_has_bf16", lambda: True)
    assert choose_precision("auto", "cpu", has_products=False).name == "fp32"


def test_what_was_asked_for_is_taken():
    assert choose_precision("bf16", "cpu", has_products=False).name == "bf16"


@pytest.mark.parametrize("device", ["cpu", "mps"])
def test_fp16_away_from_cuda_is_refused(device):
    with pytest.raises(ConfigError, match="fp16"):
        choose_precision("fp16", device, has_products=True)
