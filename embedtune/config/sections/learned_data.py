"""The `data:` section of `embedtune train`: where the pairs come from and how they are split."""

from typing import Literal

from pydantic import Field

from embedtune.config.fields import Columns, LearnedSplit, TextEncoding
from embedtune.config.options import option
from embedtune.config.section import Auto, Name, Prompts, RecipeSection
from embedtune.config.sections.several_sets import MOST_WEIGHT, SetLoss, SetSection


class DataSection(RecipeSection):
    """Where the pairs come from and how they are split."""

    heading = "Data"

    source: Name = option(
        "samples",
        "a file, a folder, hf:owner/name, or samples, the set that ships with embedtune (samples:en, samples:ko: one "
        "language of it); repeat it to learn from several sets",
        "[NAME=]SET[:WEIGHT]",
        repeat=True,
        shown="samples",
        flag="data",
    )
    split: LearnedSplit = "train"
    eval_source: Name | None = option(
        None,
        "another source for the test queries, and for the dev queries where none can be held out of the data",
        "SET",
        flag="eval_data",
        shown="the data's own splits",
    )
    eval_split: Name = option("test", "split that the verdict is computed on", "NAME")
    columns: Columns = Field(default_factory=dict)
    encoding: TextEncoding = None
    group: Name | None = option(
        None,
        "rows that share a value of this column stay in one split, and their test queries count as one in the verdict",
        "COLUMN",
        shown="none",
    )
    descriptions: Name | None = option(
        None,
        "texts that describe the classes of labelled signals: rows of label and text, several per label",
        "FILE",
        shown="none",
    )
    judged_descriptions: Name | None = Field(
        None,
        description="other descriptions of the same classes, to judge by; null: by those that are learned from",
    )
    known_positives: Literal["direct", "closure"] = option(
        "direct",
        "never use as negatives: texts paired with the anchor (direct), or everything linked to it by "
        "pairs (closure), as suits pairs made from classes",
        "direct|closure",
    )
    texts_only: bool = option(False, "learn from the texts alone, ignoring how the data pairs them")
    views: Name | None = option(
        None,
        "how a single text becomes a pair, such as crop+delete:0.1",
        "NAME[:STRENGTH]+...",
        shown="proposed where there are no pairs",
    )
    further_views: int = Field(0, ge=0, description="views in addition to the first two, for losses that take several")
    pieces: Literal["passage", "sentence", "text"] = Field(
        "passage", description="unit to learn from where there are no pairs"
    )
    passage_words: int = Field(100, ge=5, description="most words per passage; longer texts are cut between sentences")
    grades: bool = Field(
        False,
        description="learn from all scored pairs by their scores, instead of from the most similar ones as positives; "
        "set where a loss learns from scores",
    )
    name: Name | None = Field(None, description="what results call the set, where there are several")
    weight: float | None = Field(
        None, gt=0, le=MOST_WEIGHT, description="its share of each epoch, next to the other sets' weights"
    )
    prompts: Prompts = Field(
        default_factory=dict, description="put before the texts of this set instead of the encoder's prompts"
    )
    loss: list[SetLoss] = Field(
        default_factory=list, description="what the rows of this set learn by; empty: by `loss`"
    )
    negatives: int | None = Field(None, ge=0, description="most negatives of this set's rows that are used; null: all")
    further: list[SetSection] = Field(default_factory=list, description="further sets to learn from in the same run")
    sampling: Literal["size", "weight", "turns"] | Auto = Field(
        "auto",
        description="how several sets share an epoch: by their sizes, by their weights, or the same number of rows "
        "each (turns); auto: by weights where any is given, else by sizes",
    )
    mixed: bool = Field(True, description="whether a batch of several sets has rows of all; false: of one set")
