"""Writes the model card of a finished run: the card that the encoder was saved with, and what the run knows of it."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from embedtune.config.recipe.start import start_of
from embedtune.config.sections.student import STATIC
from embedtune.config.verbs.train import TrainConfig
from embedtune.errors import ModelError
from embedtune.models.endpoints.address import is_endpoint
from embedtune.models.files.markdown_text import code_span
from embedtune.models.folders.licence import CARD, licence_of
from embedtune.models.sources.installed import STAND_INS
from embedtune.models.sources.resolve import Resolved, resolve
from embedtune.reports.document.short_names import short_name
from embedtune.reports.results.train import TrainResult
from embedtune.reports.sections.hub_card import hub_card
from embedtune.workflows.shared.run_folder import RunFolder


def write_card(run: RunFolder, config: TrainConfig, result: TrainResult) -> None:
    """Put the results of a run into the card of its model. A card that somebody else wrote meanwhile is kept.

    Raises:
        OutputError: it cannot be written.
    """
    file = run.model / CARD
    saved = file.read_text(encoding="utf-8") if file.is_file() else ""
    if "- embedtune\n" not in saved or "## Results" in saved:
        return
    found = _resolved(config)
    base = None if found is None else hub_name(found)
    licence = None if found is None else licence_of(found.path)
    card = hub_card(result, saved, public_recipe(config), base, licence)
    run.write(f"{run.model.name}/{CARD}", _without_places(card, config))


def started_from(config: TrainConfig) -> str:
    """What the card says that the encoder started from, in Markdown; of a folder its name alone."""
    return start_of(
        config.model_dump(),
        lambda name: code_span(short_name(name) if os.path.exists(name) else name),  # noqa: PTH110  (never raises)
    )


def _resolved(config: TrainConfig) -> Resolved | None:
    """Where the weights that the encoder started from lie; those of a static student are of its teacher."""
    try:
        return resolve(config.teacher if config.model.name == STATIC else config.model)
    except ModelError:  # it was there when the run began
        return None


def hub_name(found: Resolved) -> str | None:
    """The name under which the Hub knows a model; None where it came from elsewhere."""
    if found.kind == "hub":
        return found.repository or (found.name if "/" in found.name else f"sentence-transformers/{found.name}")
    package = found.installed.distribution if found.installed is not None else None
    return next((hub for hub, carrier in STAND_INS.items() if carrier == package), None)


def public_recipe(config: TrainConfig) -> dict[str, Any]:
    """The options of a run that differ from the defaults; where its files are is not one of them."""
    return config.model_dump(exclude_defaults=True, mode="json", exclude={"output": True})


def _without_places(card: str, config: TrainConfig) -> str:
    """A card in which every path that the recipe names, of whatever form, is only a name."""
    named = [*_texts(public_recipe(config)), str(Path.cwd()), str(Path.home())]
    for place in sorted(filter(_is_path, named), key=len, reverse=True):
        card = card.replace(place, short_name(place))
    return card


def _texts(value: Any) -> Iterator[str]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    yield from [value] if isinstance(value, str) else [text for one in inner for text in _texts(one)]


def _is_path(name: str) -> bool:
    """Whether a text leads to a file; owner/model does not, unless there is one."""
    if is_endpoint(name) or not re.search(r"[/\\]", name.strip("/\\")) or "\n" in name:
        return False
    return name[0] in "/~.\\" or name.count("/") > 1 or "\\" in name or os.path.exists(name)  # noqa: PTH110
