"""What the machine refuses is found in whatever error it arrives, and nothing else is mistaken for it."""

import errno
import os

import pytest

from embedtune.errors import DataError, EmbedtuneError, OutputError, chain_of, machine_fault

REFUSED = ("ENOSPC", "EDQUOT", "EFBIG", "EROFS", "EIO", "ESTALE", "EMFILE", "ENFILE")


def system_error(name: str, path: str | None = None) -> OSError:
    number = getattr(errno, name)
    return OSError(number, os.strerror(number), path)


def words(error: BaseException) -> str | None:
    fault = machine_fault(error)
    return None if fault is None else fault.message


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_is_the_same_in_whatever_it_arrives(name: str) -> None:
    wanted = words(system_error(name))
    text = os.strerror(getattr(errno, name))
    assert wanted
    assert words(RuntimeError(f"unable to open file <a> in read-only mode: {text} (116)")) == wanted
    assert words(Exception(f"Error while serializing: I/O error: {text} (os error 28)")) == wanted
    assert words(OSError(f"Error writing bytes to file. Detail: [errno 28] {text}")) == wanted


def raised(error: BaseException, cause: BaseException | None, context: BaseException | None) -> BaseException:
    try:
        try:
            if context is not None:
                raise context
            raise KeyError
        except BaseException:
            if cause is not None:
                raise error from cause
            raise error  # noqa: B904  (its context is what is tested)
    except BaseException as caught:
        return caught


def test_a_refusal_is_found_behind_other_errors() -> None:
    full = system_error("ENOSPC", "a/b")
    assert words(raised(OutputError("cannot be written", where="c"), full, None)) == "the disk is full"
    assert words(raised(ZeroDivisionError(), None, full)) == "the disk is full"
    assert words(raised(ValueError(), None, raised(KeyError(), None, full))) == "the disk is full"


def test_the_place_is_the_one_that_was_named_last() -> None:
    full = system_error("ENOSPC", "a/b")
    assert machine_fault(full).where == "a/b"
    assert machine_fault(raised(OutputError("no", where="c"), full, None)).where == "c"
    assert machine_fault(raised(OutputError("no"), full, None)).where == "a/b"


def test_what_was_said_not_to_matter_does_not() -> None:
    try:
        try:
            raise system_error("EIO")
        except OSError:
            raise ValueError from None
    except ValueError as caught:
        assert machine_fault(caught) is None


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError(errno.ENOENT, "No such file or directory"),
        PermissionError(errno.EACCES, "Permission denied"),
        IsADirectoryError(errno.EISDIR, "Is a directory"),
        DataError("line 3 says: No space left on device"),
        ValueError("no disk"),
        KeyboardInterrupt(),
    ],
)
def test_other_errors_are_no_fault_of_the_machine(error: BaseException) -> None:
    assert machine_fault(error) is None


def test_out_of_memory_is_one() -> None:
    wanted = "the machine is out of memory"
    assert words(MemoryError()) == words(RuntimeError("DefaultCPUAllocator: can't allocate memory: 9 bytes")) == wanted


def test_a_chain_that_leads_round_in_a_circle_ends() -> None:
    one, other = ValueError("one"), EmbedtuneError("other")
    one.__cause__, other.__cause__ = other, one
    assert list(chain_of(one)) == [one, other]
