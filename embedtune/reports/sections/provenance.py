"""What a result was made with: versions, and hashes of the data."""

from collections.abc import Mapping
from typing import Any

from embedtune.reports.document.blocks import Table


def provenance(facts: Mapping[str, Any]) -> tuple[Table, Table]:
    """Tables of versions and of data, from the "facts" of a result; empty where nothing is known."""
    versions = list(facts.get("versions", {}).items())
    hashes = list(facts.get("data_sha256", {}).items())
    return Table(("package", "version"), versions, numbers=False), Table(("data", "sha256"), hashes, numbers=False)
