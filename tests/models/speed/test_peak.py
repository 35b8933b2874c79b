"""The peak of matrix products, against a clock that the test turns itself."""

from collections.abc import Iterator

import pytest
import torch

from embedtune.models.speed import peak


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """The time, which moves by 1e-6 s whenever it is looked at."""
    now = [0.0]

    def look() -> float:
        now[0] += 1e-6
        return now[0]

    monkeypatch.setattr(peak.time, "perf_counter", look)
    monkeypatch.setattr(peak, "SIZES", (8, 16, 32))
    peak.matrix_peak.cache_clear()
    yield now
    peak.matrix_peak.cache_clear()


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_counts_two_operations_a_term_of_the_largest_square(clock: list[float], precision: str) -> None:
    assert peak.matrix_peak(precision) == pytest.approx(2 * 32**3 / 1e-6)


def test_stops_at_the_size_that_used_up_the_time(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peak, "BUDGET_S", 1.5e-6)
    assert peak.matrix_peak("fp32") == pytest.approx(2 * 8**3 / 1e-6)


def test_is_measured_once(clock: list[float]) -> None:
    first, looked = peak.matrix_peak("fp32"), clock[0]
    assert (peak.matrix_peak("fp32"), clock[0]) == (first, looked)


def test_draws_none_of_the_random_numbers_of_others(clock: list[float]) -> None:
    before = torch.get_rng_state()
    peak.matrix_peak("fp32")
    assert torch.equal(torch.get_rng_state(), before)


def test_a_copy_reads_and_writes(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peak, "COPIED_BYTES", 1000)
    assert peak.copy_peak() == pytest.approx(2000 / 1e-6)


def test_an_unknown_precision_is_a_mistake(clock: list[float]) -> None:
    with pytest.raises(KeyError):
        peak.matrix_peak("fp7")
    assert set(peak.DTYPES.values()) <= {torch.float32, torch.bfloat16, torch.float16}


def test_the_device_that_works_is_waited_for(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[object] = []
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device=None: waited.append(device))
    peak.timed(lambda: waited.append("work"), torch.device("cuda:1"))
    assert waited == [torch.device("cuda:1"), "work", torch.device("cuda:1")]
