"""A run that does not finish: what stays on disk and what is said."""

import errno
import os
from dataclasses import replace

import pytest

from embedtune.errors import DataError, Interrupted, OutputError, StoppedError
from embedtune.training.run.checkpoint import MANIFEST_NAME
from embedtune.workflows.shared.ending import orderly_end
from embedtune.workflows.shared.run_folder import RunFolder, new_run

FULL = OSError(errno.ENOSPC, "No space left on device", "/disk/model.safetensors")


@pytest.fixture
def folder(recipe) -> RunFolder:
    return new_run(recipe(output="첫 run"))


@pytest.fixture
def trained(folder) -> RunFolder:
    checkpoint = folder.path / "checkpoints" / "checkpoint-4"
    checkpoint.mkdir(parents=True)
    (checkpoint / MANIFEST_NAME).write_bytes(b"")
    return folder


def end(folder: RunFolder, error: BaseException, *, resumed: bool = False) -> BaseException:
    with pytest.raises(Exception) as caught, orderly_end(folder.unfinished(resumed=resumed)):
        raise error
    return caught.value


def test_a_run_that_ends_well_is_left_alone(folder) -> None:
    with orderly_end(folder.unfinished(resumed=False)):
        pass
    assert folder.begun


@pytest.mark.parametrize("error", [DataError("bad"), ZeroDivisionError("a defect"), OSError(errno.ELOOP, "a circle")])
def test_a_failure_before_training_takes_the_folder_back_and_is_passed_on(folder, error) -> None:
    assert end(folder, error) is error
    assert not folder.path.exists()


@pytest.mark.parametrize("error", [DataError("bad"), ZeroDivisionError("a defect")])
def test_a_failure_after_training_keeps_the_folder(trained, error) -> None:
    assert end(trained, error) is error
    assert trained.begun


def test_a_checkpoint_cut_short_is_nothing_to_go_on_from(trained) -> None:
    (trained.path / "checkpoints" / "checkpoint-4" / MANIFEST_NAME).unlink()
    assert isinstance(end(trained, FULL), OutputError)
    assert not trained.path.exists()


def test_a_resumed_run_is_never_taken_back(folder) -> None:
    end(folder, DataError("bad"), resumed=True)
    assert folder.begun


def test_a_stop_of_our_own_keeps_what_shows_the_reason(folder) -> None:
    stopped = StoppedError("the loss is not finite", next="a lower --lr")
    assert end(folder, stopped) is stopped
    assert folder.begun


def test_ctrl_c_before_training(folder) -> None:
    ending = end(folder, KeyboardInterrupt())
    assert isinstance(ending, Interrupted)
    assert (ending.message, ending.next) == ("interrupted; nothing was trained yet", None)
    assert not folder.path.exists()


def test_ctrl_c_after_training_tells_how_to_go_on(trained) -> None:
    ending = end(trained, KeyboardInterrupt())
    assert isinstance(ending, Interrupted)
    assert "everything up to the last checkpoint is saved" in ending.message
    assert ending.next == f"embedtune train --resume '{trained.path}'"  # quoted, since its name holds a blank


def test_an_interruption_seen_by_the_trainer_keeps_its_words(trained) -> None:
    ending = end(trained, Interrupted("interrupted after step 4 of 9; everything up to that step is saved"))
    assert ending.message == "interrupted after step 4 of 9; everything up to that step is saved"
    assert ending.next == f"embedtune train --resume '{trained.path}'"


TORCH = RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 576 vs 534")  # saving on a full disk


@pytest.mark.parametrize("error", [FULL, RuntimeError("I/O error: No space left on device (os error 28)"), TORCH])
def test_a_full_disk(folder, trained, error) -> None:
    with (
        pytest.raises(StoppedError, match="the disk is full") as caught,
        orderly_end(trained.unfinished(resumed=False)),
    ):
        raise error
    assert caught.value.next.endswith(f"; then embedtune train --resume '{trained.path}'")
    assert caught.value.next.startswith("make room, ")
    assert trained.begun


def test_a_full_disk_before_training(folder) -> None:
    ending = end(folder, FULL)
    assert isinstance(ending, OutputError)
    assert ending.where == "/disk/model.safetensors"
    assert not folder.path.exists()


REFUSED = [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO, errno.ESTALE, errno.EMFILE]


@pytest.mark.parametrize("number", REFUSED)
def test_a_failing_machine_stops_a_run_with_its_work_kept(trained, number) -> None:
    ending = end(trained, OSError(number, os.strerror(number), "run/x"))
    assert isinstance(ending, StoppedError) and ending.exit_code == 4
    assert ending.message.endswith("; everything up to the last checkpoint is saved")
    assert ending.where == "run/x" and ending.next.endswith(f"; then embedtune train --resume '{trained.path}'")
    assert trained.begun


@pytest.mark.parametrize("number", REFUSED)
def test_a_failing_machine_before_training(folder, number) -> None:
    ending = end(folder, OSError(number, os.strerror(number), "run/x"))
    assert isinstance(ending, OutputError) and ending.where == "run/x"
    assert not folder.path.exists()


def read_on_a_broken_disk() -> DataError:
    try:
        try:
            raise OSError(errno.EIO, "Input/output error")
        except OSError as broken:
            raise DataError("the file cannot be read", where="pairs.jsonl") from broken
    except DataError as error:
        return error


def test_data_that_a_failing_machine_cannot_read(folder, trained) -> None:
    stopped = end(trained, read_on_a_broken_disk())
    assert isinstance(stopped, StoppedError) and stopped.where == "pairs.jsonl"


def test_data_that_a_failing_machine_cannot_read_before_training(folder) -> None:
    error = read_on_a_broken_disk()
    assert end(folder, error) is error, "it already says everything"


def failing(*_: object) -> bool:
    raise OSError(errno.ESTALE, "Stale file handle")


def test_what_cannot_be_looked_at_is_kept(folder) -> None:
    work = replace(folder.unfinished(resumed=False), is_kept=failing)
    with pytest.raises(StoppedError, match="input/output error"), orderly_end(work):
        raise OSError(errno.EIO, "Input/output error")
    assert folder.begun


def test_cleaning_up_does_not_hide_the_first_error(folder) -> None:
    work = replace(folder.unfinished(resumed=False), discard=failing)
    with pytest.raises(DataError, match="bad"), orderly_end(work):
        raise DataError("bad")
