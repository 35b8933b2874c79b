"""The processor and the devices, with GPUs that only torch's answers have."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from embedtune.models.speed import peak
from embedtune.models.speed.precision import choose_precision
from embedtune.workflows.doctor import devices


def test_the_cpu_is_always_there_with_the_reason_of_its_precision(products: str) -> None:
    *_, cpu = devices.devices(measure=False)
    chosen = choose_precision("auto", "cpu", has_products=True)
    assert cpu.precision == products
    assert (cpu.device, cpu.precision, cpu.reason) == ("cpu", chosen.name, chosen.reason)
    assert (cpu.peaks, cpu.bandwidth) == ({}, None)


def test_gpus_come_first(monkeypatch: pytest.MonkeyPatch, products: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda number: (1, 8 * 2**30))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda number: f"GPU {number}")
    found = devices.devices(measure=False)
    assert [one.device for one in found] == ["cuda:0", "cuda:1", "cpu"]
    assert (found[1].name, found[1].memory_bytes, found[1].free_bytes) == ("GPU 1", 8 * 2**30, 1)
    assert found[0].precision == products


def test_a_gpu_that_cannot_be_asked_is_named_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(number: int) -> tuple[int, int]:
        raise RuntimeError("CUDA-capable device(s) is/are busy or unavailable")

    monkeypatch.setattr(torch.cuda, "mem_get_info", busy)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda number: SimpleNamespace(total_memory=8))
    assert devices.gpu_memory(0) == (8, None)


def test_a_product_that_a_device_lacks_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def some(precision: str, device: str) -> float:
        if precision == "bf16":
            raise RuntimeError("not implemented")
        return 1e9

    monkeypatch.setattr(peak, "matrix_peak", some)
    monkeypatch.setattr(peak, "copy_peak", lambda device: 2e9)
    assert devices.measured_speed("cpu", "bf16") == ({"fp32": 1e9}, 2e9)


@pytest.mark.parametrize("text", ["", "model name\t: 한국 프로세서\n"])
def test_a_processor_has_a_name_whatever_proc_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(devices, "CPUINFO", tmp_path / "cpuinfo")
    if text:
        (tmp_path / "cpuinfo").write_text(text, encoding="utf-8")
    chip = devices.processor()
    assert chip.name == "한국 프로세서" if text else chip.name
    assert 1 <= chip.usable <= chip.cores
    assert chip.instructions
