"""Models on the Hub: those that were downloaded before, those that it says it has, and names near a misspelt one."""

from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

from embedtune.errors import ModelError, reason_of
from embedtune.models.folders.described import DESCRIBED_BY
from embedtune.models.folders.permissions import PICKLES
from embedtune.models.sources.installed import installed_names
from embedtune.network import is_offline, within

STARTER = "starter"
PROBE_S = 2.5  # seconds that the Hub gets to answer
ORGANISATION = "sentence-transformers"  # the owner of a Hub name without one
OFFLINE_VARIABLES = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")


class HubUnreachableError(ModelError):
    """The Hub did not answer, so nothing is known about the model."""


def offline() -> bool:
    """Whether the user disabled network access."""
    return is_offline(*OFFLINE_VARIABLES)


def ask_hub(name: str, full_name: str, instead: str) -> tuple[str, list[str]]:
    """The model's name on the Hub and its file names, or a ModelError that says why there is none."""
    if offline():
        raise HubUnreachableError(
            f"{name} is not on this machine, and HF_HUB_OFFLINE prevents downloading it",
            where="model",
            next=f"unset HF_HUB_OFFLINE, or {instead}",
        )
    from huggingface_hub import model_info
    from huggingface_hub.errors import GatedRepoError, HFValidationError, RepositoryNotFoundError

    try:
        info = within(PROBE_S + 0.25, lambda: model_info(full_name, timeout=PROBE_S))
        return full_name, [file.rfilename for file in info.siblings or ()]
    except HFValidationError:
        message, then = f"{name!r} is neither a folder nor a valid Hub name", "write owner/model"
    except GatedRepoError:
        message, then = f"{full_name} requires accepting its conditions first", "accept them, then `hf auth login`"
    except RepositoryNotFoundError:
        if name != full_name:
            return ask_hub(name, name, instead)  # for example bert-base-uncased, which has no owner
        message, then = f"the Hub has no model {full_name}, or it is private", "check the name, or `hf auth login`"
    except Exception as error:  # a network can fail in too many ways to list
        raise HubUnreachableError(
            f"{name} is not on this machine, and the Hub cannot be reached ({reason_of(error)})",
            where="model",
            next=f"check the network, or {instead}",
        ) from None
    raise ModelError(message + near(name, known_names()), where="model", next=then)


def downloaded(repository: str) -> Path | None:
    """The folder of a Hub model in the local cache, if its configuration is there."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    for file in DESCRIBED_BY:
        try:
            found = try_to_load_from_cache(repository, file)
        except HFValidationError:
            return None
        if isinstance(found, str):
            return Path(found).parent
    return None


def has_weights(folder: Path) -> bool:
    """Whether a download got as far as its weights."""
    return any(file.suffix in (".safetensors", *PICKLES) for file in folder.rglob("*"))


def known_names() -> Iterator[str]:
    """Names that would have worked: the starter, installed packages and all models in the local Hub cache."""
    from huggingface_hub.constants import HF_HUB_CACHE

    yield STARTER
    yield from installed_names()
    if Path(HF_HUB_CACHE).is_dir():
        for entry in Path(HF_HUB_CACHE).glob("models--*"):
            yield entry.name.removeprefix("models--").replace("--", "/")


def near(name: str, known: Iterator[str]) -> str:
    """The end of a message that proposes known names like a misspelt one; empty where none is like it."""
    close = get_close_matches(name, list(known), n=2, cutoff=0.6)
    return f"; did you mean {' or '.join(close)}?" if close else ""
