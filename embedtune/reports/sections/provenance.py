"""What a result was made with, in every report the same: versions, and hashes of the data."""

from collections.abc import Mapping
from typing import Any

from embedtune.reports.document.blocks import Table


def provenance(facts: Mapping[str, Any] | None) -> tuple[Table, Table]:
    """Tables of versions and of data; empty where nothing is known.

    Args:
        facts: "facts" of a result.
    """
    known = facts or {}
    versions = [(name, version) for name, version in (known.get("versions") or {}).items()]
    hashes = [(name, digest) for name, digest in (known.get("data_sha256") or {}).items()]
    return Table(("package", "version"), versions, numbers=False), Table(("data", "sha256"), hashes, numbers=False)
