"""What is proposed for texts without pairs where the recipe leaves it open: views and a loss, with the reasons."""

from dataclasses import replace
from itertools import islice
from pathlib import Path
from statistics import median

from embedtune.config.sections.learned_data import DataSection
from embedtune.config.sections.objective import LossSection
from embedtune.config.verbs.train import TrainConfig
from embedtune.data.formats.shared.find import read_part
from embedtune.data.rows import RawTexts, Rows
from embedtune.data.sources.base import Source
from embedtune.data.splits.unpaired import texts_of
from embedtune.data.texts.pieces import prepare_texts
from embedtune.errors import DataError, raise_machine_fault
from embedtune.losses import loss_class
from embedtune.models.folders.static_folder import declared_static
from embedtune.workflows.train.recipe_checks import reads_single_texts

LOOKED_AT = 1000
"""Rows that the proposal is based on."""
SHORT = 8
"""With fewer words, a text has no two parts that both mean something."""
TITLED = 0.5
"""With at least this share of titled texts, each title becomes the query of its text."""
LOSS = "infonce"


def proposed(config: TrainConfig, source: Source) -> tuple[TrainConfig, tuple[str, ...]]:
    """The recipe, with views and a loss where the data has texts without pairs and the recipe names none; and why.

    Faults of the data are not reported here but when all of it is read.
    """
    if config.data.views is not None:
        return config, ()
    try:
        texts = _texts(config.data, source)
    except DataError as error:
        raise_machine_fault(error, Path(config.data.source))
        return config, ()
    if texts is None or not len(texts):
        return config, ()
    views, reason = (
        _single(texts, config) or _suited(config) or _views(texts, config.data, static=declared_static(config.model))
    )
    said = [f"the data has texts without pairs, so pairs are made of views of them: {views} ({reason})"]
    changes: dict[str, object] = {"data": config.data.model_copy(update={"views": views})}
    if "loss" not in config.model_fields_set:
        changes["loss"] = [LossSection(name=LOSS)]
        said.append(
            f"loss: {LOSS} (it separates each text from the others, which are rarely right answers in a large corpus; "
            "--loss infonce --loss deepcluster:0.5 may be better for passages with topics, and is worse for sentences; "
            "`embedtune losses` lists the other losses that learn from texts alone)"
        )
    return config.model_copy(update=changes), tuple(said)


def _single(texts: RawTexts, config: TrainConfig) -> tuple[str, str] | None:
    """Views that leave texts as they are, where the named losses learn from each text by itself."""
    if "loss" not in config.model_fields_set or not reads_single_texts(config):
        return None
    if any(texts.titles):
        return "title", "titles and texts are learned from as they are"
    return "single", "each text is learned from as it is"


def _suited(config: TrainConfig) -> tuple[str, str] | None:
    """The views that suit the named losses, where they all declare the same."""
    if "loss" not in config.model_fields_set:
        return None
    wanted = {loss_class(term.name).suits_views for term in config.loss}
    views = wanted.pop() if len(wanted) == 1 else ""
    return (views, f"they suit {' and '.join(term.name for term in config.loss)}") if views else None


def _views(texts: RawTexts, section: DataSection, *, static: bool) -> tuple[str, str]:
    if sum(map(bool, texts.titles)) >= TITLED * len(texts):
        return "title", "a title asks for its text, as a query does"
    words = median(len(text.split()) for text in prepare_texts(texts, section)[0].texts)
    if words >= SHORT:
        return "crop", f"two parts of one passage belong together, and passages have a median of {words:.0f} words"
    if static:
        return "delete:0.3", f"texts have a median of {words:.0f} words, and this encoder has no dropout"
    return "dropout", f"texts have a median of {words:.0f} words, too few to cut; dropout makes the same text differ"


def _texts(section: DataSection, source: Source) -> RawTexts | None:
    """The first texts of the data; None where it has pairs that are to be used."""
    table = source.texts_table(section.split, texts_only=section.texts_only)
    if table is None:
        return None
    content = read_part(replace(table, records=islice(table.records, LOOKED_AT)), section.columns).content
    if isinstance(content, RawTexts):
        return content
    if not section.texts_only:
        return None
    return texts_of(content) if isinstance(content, Rows) else RawTexts(content.texts)
