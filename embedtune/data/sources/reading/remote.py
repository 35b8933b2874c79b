"""Data at an address that fsspec reads, such as s3://bucket/pairs.jsonl: copied into the user's cache and read there.

Every reader here wants files, which are hashed, read twice and mapped into memory. A copy is used again for as long as
the file at the address stays the same. Credentials and endpoints are those of fsspec's driver; we never see them.
"""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from embedtune.durable import cache_folder, whole_folder
from embedtune.errors import DataError, EmbedtuneError, OutputError, reason_of
from embedtune.network import is_address, local_name


def given_file(name: str | Path) -> Path:
    """The file that the user named: of this machine, or the copy of one at an address.

    Raises:
        DataError: there is no such address, no driver for it, or it cannot be read.
    """
    name = local_name(str(name))
    return fetched(name) if is_address(name) else Path(name).expanduser()


def fetched(name: str) -> Path:
    """The file or folder at an address, copied unless this version of it has been copied before.

    Raises:
        DataError: there is no such address, no driver for it, or it cannot be read.
    """
    with errors_of(name):
        from fsspec.core import url_to_fs  # noqa: PLC0415  (only for addresses)

        system, root = url_to_fs(name)
        whole: Mapping[str, Any] = system.info(root)
        found = {root: whole} if whole["type"] == "file" else system.find(root, detail=True)
        if not found:
            raise FileNotFoundError
        members = {_below(root, path): (path, facts) for path, facts in found.items()}
        folder = cache_folder() / "remote" / _version(name, members)
        inside = PurePosixPath(root).name or "data"
        if not folder.is_dir():
            with whole_folder(folder) as fresh:
                for own, (path, _) in members.items():
                    to = fresh / inside / own
                    to.parent.mkdir(parents=True, exist_ok=True)
                    system.get_file(path, str(to))
    return folder / inside


def _below(root: str, path: str) -> str:
    """The part of a path below its root; "" for the root.

    Raises:
        ValueError: it would lead out of the folder of the copy.
    """
    own = path.removeprefix(root).lstrip("/")
    if ".." in PurePosixPath(own).parts:
        raise ValueError(f"it holds the odd path {own}")
    return own


def _version(name: str, members: Mapping[str, tuple[str, Mapping[str, Any]]]) -> str:
    """A hash of the address and of what its driver says about each file: size, time, tag."""
    said = [(own, said_of(facts)) for own, (_, facts) in members.items()]
    return hashlib.blake2b(str([name, sorted(said)]).encode(), digest_size=12).hexdigest()


def said_of(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a driver says about a file, in an order of its own: equal for the same version."""
    return sorted((key, str(value)) for key, value in facts.items())


@contextmanager
def errors_of(name: str, *, written: bool = False) -> Iterator[None]:
    """Turn what fsspec and its drivers raise into a message.

    Args:
        name: the address, as the user named it.
        written: whether it is written, and not read.
    """
    kind, done = (OutputError, "written") if written else (DataError, "read")
    try:
        yield
    except EmbedtuneError:
        raise
    except FileNotFoundError as error:
        missing = "there is no such bucket or folder" if written else "there is nothing at this address"
        raise kind(missing, where=name, next="make it first" if written else "check its spelling") from error
    except ImportError as error:
        raise kind(
            f"the driver for this kind of address is not installed: {reason_of(error)}",
            where=name,
            next="install the package that it names, such as s3fs for s3://",
        ) from error
    except PermissionError as error:
        verb = "write to" if written else "read"
        raise kind(f"no permission to {verb} this address", where=name, next="check your credentials") from error
    except Exception as error:  # each driver has errors of its own
        here = "name a file of this machine, and copy it" if written else "copy the data here and name the file"
        raise kind(
            f"this address cannot be {done}: {reason_of(error)}",
            where=name,
            next=f"check it, from the kind before :// on, or {here}",
        ) from error
