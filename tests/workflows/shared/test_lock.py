"""A hold on an output: one process at a time, over when its process is, however that ends."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from embedtune.errors import OutputError
from embedtune.workflows.shared.lock import alone

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no such lock there")
OTHER = (
    "import sys; from pathlib import Path; from embedtune.errors import OutputError\n"
    "from embedtune.workflows.shared.lock import alone\n"
    "try:\n"
    "    alone(Path(sys.argv[1])).__enter__(); print('held')\n"
    "except OutputError as error:\n"
    "    print(error.message)\n"
)


def another(lock: Path) -> str:
    """What another process that tries to hold it says."""
    return subprocess.run([sys.executable, "-c", OTHER, str(lock)], capture_output=True, text=True, check=True).stdout


def test_one_process_at_a_time(tmp_path: Path) -> None:
    lock = tmp_path / "새" / "lock"
    with alone(lock):
        assert "another embedtune" in another(lock)
    assert another(lock) == "held\n"
    with alone(lock):
        pass


def test_a_hold_on_a_file_that_is_gone_is_none(tmp_path: Path) -> None:
    lock = tmp_path / "job" / "lock"
    with alone(lock):
        shutil.rmtree(lock.parent)
        with alone(lock), pytest.raises(OutputError, match="another embedtune"), alone(lock):
            pass


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for lock in (tmp_path / "file" / "lock", tmp_path / "no\0name" / "lock"):
        with pytest.raises(OutputError, match="cannot be written"), alone(lock):
            pass
