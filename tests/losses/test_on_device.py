"""Losses, encoders and search on a device that is not the CPU, simulated: same values, no mixing, hardly any waiting.

In a process of its own: the device stays registered with torch, where other tests would meet it.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent / "device"


@pytest.mark.parametrize("program", ["losses_on_device.py", "step_on_device.py", "encoder_on_device.py"])
def test_a_device_computes_what_the_cpu_does(program):
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(HERE / program)]
    ended = subprocess.run(
        words,
        capture_output=True,
        text=True,
        timeout=300,
        cwd=HERE,
        env={**os.environ, "EMBEDTUNE_TEST_ON_DEVICE": "1"},
    )
    assert ended.returncode == 0, ended.stdout[-6000:]
