"""Which checkpoint is trusted after something went wrong with the newest one."""

import errno
import shutil
from pathlib import Path

import pytest

from embedtune.durable import seal_folder
from embedtune.errors import ConfigError, DataError
from embedtune.training.run.checkpoint import MANIFEST_NAME, demand_same_batches, is_whole, whole_checkpoint


@pytest.fixture
def folder(tmp_path):
    """Checkpoints of steps 8, 12 and 100, each of two files."""
    for step in (8, 12, 100):
        checkpoint = tmp_path / f"checkpoint-{step}"
        (checkpoint / "part").mkdir(parents=True)
        (checkpoint / "model.safetensors").write_bytes(bytes(range(256)) * 40)
        (checkpoint / "part" / "state.json").write_text("{}", encoding="utf-8")
        seal_folder(checkpoint, MANIFEST_NAME, {"step": step})
    (tmp_path / "eval").mkdir()
    return tmp_path


def truncate(path):
    path.write_bytes(path.read_bytes()[:-1])


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


DAMAGE = {
    "cut off": lambda folder: truncate(folder / "model.safetensors"),
    "empty": lambda folder: (folder / "part" / "state.json").write_bytes(b""),
    "one bit": lambda folder: flip_a_bit(folder / "model.safetensors"),
    "missing": lambda folder: (folder / "model.safetensors").unlink(),
    "manifest cut off": lambda folder: truncate(folder / MANIFEST_NAME),
    "manifest changed": lambda folder: flip_a_bit(folder / MANIFEST_NAME),
    "manifest nonsense": lambda folder: (folder / MANIFEST_NAME).write_bytes(b"[1, \xff"),
}


def test_the_newest_is_taken_where_all_is_well(folder):
    warned = []
    assert whole_checkpoint(folder, warned.append) == folder / "checkpoint-100"
    assert warned == []


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_one_is_removed_aloud_and_the_one_before_is_taken(folder, damage):
    damage(folder / "checkpoint-100")
    warned = []
    assert whole_checkpoint(folder, warned.append) == folder / "checkpoint-12"
    assert len(warned) == 1 and "step 100 is damaged" in warned[0] and "step 12" in warned[0]
    assert not (folder / "checkpoint-100").exists()


def test_one_cut_off_while_it_was_written_is_passed_over_in_silence(folder):
    (folder / "checkpoint-100" / MANIFEST_NAME).unlink()
    warned = []
    assert whole_checkpoint(folder, warned.append) == folder / "checkpoint-12"
    assert warned == []


def test_where_all_are_damaged_it_says_so_and_removes_nothing(folder):
    for step in (8, 12, 100):
        flip_a_bit(folder / f"checkpoint-{step}" / "model.safetensors")
    with pytest.raises(DataError, match="every checkpoint of this run is damaged: of steps 100, 12, 8") as caught:
        whole_checkpoint(folder, pytest.fail)
    assert "new run" in caught.value.next
    assert len(list(folder.glob("checkpoint-*"))) == 3


def test_nothing_was_finished_yet(tmp_path, folder):
    assert whole_checkpoint(tmp_path / "none", pytest.fail) is None
    for step in (8, 12, 100):
        (folder / f"checkpoint-{step}" / MANIFEST_NAME).unlink()
    assert whole_checkpoint(folder, pytest.fail) is None


def test_a_file_that_came_later_harms_nothing(folder):
    shutil.copy(folder / "checkpoint-8" / "model.safetensors", folder / "checkpoint-8" / "copy.safetensors")
    assert is_whole(folder / "checkpoint-8")


def test_a_checkpoint_is_not_resumed_with_other_batches(tmp_path):
    (tmp_path / "checkpoint-3").mkdir()
    seal_folder(tmp_path / "checkpoint-3", MANIFEST_NAME, {"step": 3, "batch_size": 8, "processes": 1})
    with pytest.raises(ConfigError, match="batch size 8 then, 16 now"):
        demand_same_batches(tmp_path / "checkpoint-3", 16)


def test_a_checkpoint_is_resumed_with_another_number_of_processes(tmp_path):
    (tmp_path / "checkpoint-3").mkdir()
    seal_folder(tmp_path / "checkpoint-3", MANIFEST_NAME, {"step": 3, "batch_size": 16, "processes": 4})
    demand_same_batches(tmp_path / "checkpoint-3", 16)


def test_a_checkpoint_that_says_nothing_of_its_batches_is_resumed(tmp_path):
    (tmp_path / "checkpoint-3").mkdir()
    seal_folder(tmp_path / "checkpoint-3", MANIFEST_NAME, {"step": 3})
    demand_same_batches(tmp_path / "checkpoint-3", 16)


def test_a_checkpoint_that_cannot_be_read_now_is_not_taken_for_damaged(folder):
    def refuse(path, *_, **__):
        raise OSError(errno.EIO, "Input/output error")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "open", refuse)
        with pytest.raises(OSError, match="Input/output"):
            whole_checkpoint(folder, pytest.fail)
    assert whole_checkpoint(folder, pytest.fail) == folder / "checkpoint-100"


def test_what_was_cut_off_leaves_nothing_for_the_next_one_of_its_step(folder):
    for step in (8, 12, 100):
        (folder / f"checkpoint-{step}" / MANIFEST_NAME).unlink()
    assert whole_checkpoint(folder, pytest.fail) is None
    assert [path.name for path in folder.iterdir()] == ["eval"]
