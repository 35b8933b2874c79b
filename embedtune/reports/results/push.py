"""What publishing a model leaves."""

from dataclasses import dataclass

from embedtune.reports.results.base import VerbResult


@dataclass(frozen=True)
class PushedFile:
    """A file of the model.

    Args:
        name: in the repository.
        size_bytes: on disk.
    """

    name: str
    size_bytes: int


@dataclass(frozen=True)
class PushResult(VerbResult):
    """The outcome of `embedtune push`; the field names are the `--json` keys and do not change.

    Args:
        model: the folder.
        repository: owner and name on the Hub.
        private: whether only its owner sees a repository made now; None for one that was there.
        files: that were sent, or would be.
        url: of the commit; "" where nothing was sent.
        dry_run: whether it was only said what would be sent.
    """

    model: str
    repository: str
    private: bool | None
    files: tuple[PushedFile, ...]
    url: str
    dry_run: bool
