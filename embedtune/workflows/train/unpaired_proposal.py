"""What a run on texts without pairs does where its recipe leaves that open: views and a loss, with the reasons."""

from dataclasses import replace
from itertools import islice
from pathlib import Path
from statistics import median

from embedtune.config.encoder import EncoderSection
from embedtune.config.train import DataSection, LossSection, TrainConfig
from embedtune.data.formats import read_part
from embedtune.data.rows import RawTexts, Rows
from embedtune.data.sources.beir import table_file
from embedtune.data.sources.source import TableSource, open_source
from embedtune.data.sources.tables import RecordTable, open_table
from embedtune.data.splits.unpaired import texts_of
from embedtune.data.texts.pieces import prepare_texts
from embedtune.errors import DataError
from embedtune.losses import loss_class
from embedtune.models.files.resolve import STARTER

LOOKED_AT = 1000
"""Rows that the proposal is made from."""
SHORT = 8
"""Words below which a text has no two spans that say something."""
TITLED = 0.5
"""Share of texts with a title from which titles are what to learn from."""
LOSS = "infonce"


def proposed(config: TrainConfig) -> tuple[TrainConfig, tuple[str, ...]]:
    """The recipe with views and a loss where the data are texts without pairs and it names none, and why these.

    Faults of the data are left for the reading of all of them to tell.
    """
    if config.data.views is not None:
        return config, ()
    try:
        texts = _texts(config.data)
    except DataError:
        return config, ()
    if texts is None or not len(texts):
        return config, ()
    views, reason = _suited(config) or _views(texts, config.data, static=is_static(config.model))
    said = [f"the data are texts without pairs, so pairs are made of views of them: {views} ({reason})"]
    changes: dict[str, object] = {"data": config.data.model_copy(update={"views": views})}
    if "loss" not in config.model_fields_set:
        changes["loss"] = [LossSection(name=LOSS)]
        said.append(
            f"loss: {LOSS} (texts tell each other apart, and other texts of a large corpus are rarely right answers; "
            "passages with topics may gain by --loss infonce --loss deepcluster:0.5, and sentences lose; "
            "`embedtune losses` lists what else learns from texts alone)"
        )
    return config.model_copy(update=changes), tuple(said)


def is_static(section: EncoderSection) -> bool:
    """Whether an encoder is known to have no dropout before it is loaded: the starter, or a static folder."""
    modules = Path(section.name).expanduser() / "modules.json"
    return section.name == STARTER or (modules.is_file() and "StaticEmbedding" in modules.read_text(encoding="utf-8"))


def _suited(config: TrainConfig) -> tuple[str, str] | None:
    """The views that the losses named ask for, where they all ask for the same."""
    if "loss" not in config.model_fields_set:
        return None
    wanted = {loss_class(term.name).suits_views for term in config.loss}
    views = wanted.pop() if len(wanted) == 1 else ""
    return (views, f"what suits {' and '.join(term.name for term in config.loss)}") if views else None


def _views(texts: RawTexts, section: DataSection, *, static: bool) -> tuple[str, str]:
    if sum(map(bool, texts.titles)) >= TITLED * len(texts):
        return "title", "a title asks for its text, much as a query does"
    words = median(len(text.split()) for text in prepare_texts(texts, section).texts.texts)
    if words >= SHORT:
        return "crop", f"two parts of one passage belong together, and passages have {words:.0f} words in the middle"
    if static:
        return "delete:0.3", f"texts have {words:.0f} words in the middle, and this encoder has no dropout"
    return "dropout", f"texts have {words:.0f} words in the middle, too few to cut; dropout makes the same text differ"


def _texts(section: DataSection) -> RawTexts | None:
    """The first texts of the data, None where they have pairs that are to be used."""
    source = open_source(section.source)
    if not isinstance(source, TableSource):
        path = table_file(source.folder, "corpus")
        return _head(open_table(path), section) if section.texts_only and path is not None else None
    split = (source.find(section.split) or source.splits[0]) if source.splits else ""
    table = source.hub.table(split) if source.hub else open_table(source.files[split][0])
    return _head(table, section)


def _head(table: RecordTable, section: DataSection) -> RawTexts | None:
    content = read_part(replace(table, records=islice(table.records, LOOKED_AT)), section.columns).content
    if isinstance(content, RawTexts):
        return content
    if not section.texts_only:
        return None
    return texts_of(content) if isinstance(content, Rows) else RawTexts(content.texts)
