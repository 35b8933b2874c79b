"""The columns that `embedtune cluster` adds to rows: facts about a row, which never judge its pair."""

from collections.abc import Mapping, Sequence

CLUSTERED = ("cluster", "similarity", "margin")
"""In every file of clustered rows."""
ADDED = (*CLUSTERED, "x", "y")
"""All of them; the last two where a map was drawn."""


def added_by_clusters(present: Sequence[str], chosen: Mapping[str, str]) -> set[str]:
    """The columns of a table that `embedtune cluster` added, without those that the user gave a role.

    >>> sorted(added_by_clusters(["anchor", "positive", "cluster", "similarity", "margin"], {"score": "margin"}))
    ['cluster', 'similarity']
    >>> added_by_clusters(["anchor", "positive", "similarity"], {})
    set()
    """
    if not set(CLUSTERED) <= set(present):
        return set()
    return {name for name in ADDED if name in present} - set(chosen.values())
