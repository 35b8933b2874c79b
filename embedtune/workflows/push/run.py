"""`embedtune push`: one commit with the files of a model, through huggingface_hub, which knows the user's token."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedtune.errors import ConfigError, ModelError, OutputError, reason_of
from embedtune.findings import counted
from embedtune.models.folders.licence import CARD, licence_of
from embedtune.models.sources.on_hub import offline
from embedtune.reports.results.push import PushResult
from embedtune.workflows.push.files import files_of, left_here, model_folder
from embedtune.workflows.shared.talk import Silence, Talk

if TYPE_CHECKING:
    from huggingface_hub import HfApi

REPOSITORY = re.compile(r"[A-Za-z0-9][\w.\-]*/[A-Za-z0-9][\w.\-]*")
PLACE = "path/to/this/folder"
"""What the card of a saved model says in place of its name."""
OWN_FILES = (".gitattributes",)
"""What the Hub puts into a new repository."""


def push(
    name: str, to: str, *, public: bool = False, force: bool = False, dry_run: bool = False, talk: Talk | None = None
) -> PushResult:
    """Publish the model of a run.

    Args:
        name: the folder of a run or of a model.
        to: owner and name on the Hub.
        public: whether everybody can see a repository that is made now.
        force: also into a repository that holds files.
        dry_run: only say what would be sent; asks nobody.
        talk: receives progress.

    Raises:
        ConfigError: there is no such run, or the repository's name cannot be one, or it holds files.
        ModelError: the folder holds files that must not be published.
        OutputError: the Hub cannot be reached or refuses.
    """
    talk = talk or Silence()
    if not REPOSITORY.fullmatch(to):
        raise ConfigError(f"{to!r} is not the name of a repository", where="--to", next="write owner/name")
    folder = model_folder(name)
    files = files_of(folder)
    for other in left_here(folder, files):
        talk.say(f"{other} is not a file of the model and stays here")
    if licence_of(folder) is None:
        talk.say(f"the card names no licence; put `license: ...` at the top of {folder / CARD} if you may choose one")
    if dry_run:
        return PushResult(str(folder), to, not public, tuple(files), "", True)
    if offline():
        raise OutputError("HF_HUB_OFFLINE prevents publishing", next="unset it, or use --dry-run")
    with talk.progress(f"sending {counted(len(files), 'file')} to {to}"):
        private, url = _send(folder, [file.name for file in files], to, public=public, force=force)
    return PushResult(str(folder), to, private, tuple(files), url, False)


def _send(folder: Path, names: list[str], to: str, *, public: bool, force: bool) -> tuple[bool | None, str]:
    from huggingface_hub import CommitOperationAdd, HfApi
    from huggingface_hub.errors import HfHubHTTPError
    from huggingface_hub.utils import disable_progress_bars

    disable_progress_bars()
    api = HfApi(library_name="embedtune")
    try:
        made = not _is_there(api, to, force=force)
        if made:
            api.create_repo(to, private=not public, exist_ok=True)
        added: list[Any] = [CommitOperationAdd(one, _content(folder, one, to)) for one in names]
        commit = api.create_commit(to, added, commit_message="Add a sentence encoder fine-tuned with embedtune")
    except ConfigError:
        raise
    except HfHubHTTPError as error:
        status = getattr(error.response, "status_code", None)
        refused = status in (401, 403)
        raise OutputError(
            f"the Hub refuses ({reason_of(error)})" if refused else f"the Hub failed ({reason_of(error)})",
            where=f"--to {to}",
            next="`hf auth login` with a token that may write there" if refused else "run the same command again",
        ) from None
    except ModelError:
        raise
    except Exception as error:  # a network can fail in too many ways to list
        raise OutputError(
            f"the model could not be sent ({reason_of(error)})",
            where=f"--to {to}",
            next="check the network and run the same command again: files that arrived are not sent twice",
        ) from None
    return (not public) if made else None, str(commit.commit_url)


def _content(folder: Path, name: str, to: str) -> str | bytes:
    """A file to send, by its path; the card with the name under which the model is loaded from now on."""
    if name != CARD:
        return str(folder / name)
    return (folder / name).read_text(encoding="utf-8").replace(PLACE, to).encode()


def _is_there(api: "HfApi", to: str, *, force: bool) -> bool:
    """Whether the repository exists.

    Raises:
        ConfigError: it holds files, and nobody said that they may be replaced.
    """
    from huggingface_hub.errors import RepositoryNotFoundError

    try:
        files = [name for name in api.list_repo_files(to) if name not in OWN_FILES]
    except RepositoryNotFoundError:
        return False
    if files and not force:
        raise ConfigError(
            f"{to} already holds {counted(len(files), 'file')}, such as {files[0]}",
            where="--to",
            next="name another repository, or add --force to replace files of the same names",
        )
    return True
