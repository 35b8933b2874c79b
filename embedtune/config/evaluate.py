"""Every option of `embedtune evaluate`: its name, unit, default, range and help."""

from typing import Literal

from pydantic import Field, field_validator

from embedtune.config.fields import Columns, Device, Precision, Store
from embedtune.config.options import option
from embedtune.config.section import Name, RecipeSection
from embedtune.config.systems import SystemsSection

METRICS = ("ndcg@10", "mrr@10", "recall@10", "recall@100")


class JudgedSection(RecipeSection):
    """What they are scored on."""

    sources: list[Name] = option(
        default_factory=lambda: ["samples"],
        flag="data",
        group="Data",
        metavar="SET",
        repeat=True,
        min_length=1,
        help="a judged set: a file, a folder, hf:owner/name, or samples, the set that ships with embedtune",
    )
    train: list[Name] = option(
        default_factory=list,
        flag="train_data",
        group="Data",
        metavar="SET",
        repeat=True,
        shown="what a run folder records",
        help="what the models learned from, where they do not come from a run of embedtune",
    )
    split: Name = option(
        "test",
        flag="split",
        group="Data",
        metavar="NAME",
        help="split to score on, where a set has several",
    )
    columns: Columns = Field(default_factory=dict)
    task: Literal["auto", "retrieval", "similarity", "candidates", "triplets"] = option(
        "auto",
        flag="task",
        group="Scoring",
        metavar="auto|retrieval|similarity|candidates|triplets",
        help="what the sets are scored for; auto: similarity for scored pairs, candidates for labelled texts with "
        "--candidates, retrieval for all others",
    )
    candidates: Name | None = option(
        None,
        flag="candidates",
        group="Data",
        metavar="FILE",
        shown="none",
        help="labels to choose among: rows of label and text, several per label for several wordings",
    )
    wordings: Literal["best", "mean"] = option(
        "best",
        flag="wordings",
        group="Scoring",
        metavar="best|mean",
        help="which of a label's wordings gives its score",
    )

    @field_validator("sources")
    @classmethod
    def _each_once(cls, sources: list[str]) -> list[str]:
        if len(set(sources)) < len(sources):
            raise ValueError("a set is named more than once")
        return sources


class EvaluationSection(RecipeSection):
    """How they are scored."""

    metrics: list[Name] = option(
        default_factory=lambda: list(METRICS),
        flag="metrics",
        group="Scoring",
        metavar="NAME@K,...",
        min_length=1,
        help="such as ndcg@10,map@100; comparisons use the first",
    )
    seed: int = option(
        0, flag="seed", group="Run", metavar="N", ge=0, help="random seed for the statistics and the starter"
    )
    device: Device = "auto"
    precision: Precision = "fp32"


class EvaluationOutput(RecipeSection):
    """Where results go."""

    folder: Name | None = option(
        None,
        flag="output",
        group="Output",
        metavar="FOLDER",
        shown="evaluations/DATE-SET",
        help="a new folder for rankings, scores per query and the report",
    )
    store: Store = "auto"


class EvaluateConfig(RecipeSection):
    """Everything about an evaluation."""

    models: SystemsSection = Field(default_factory=SystemsSection)
    data: JudgedSection = Field(default_factory=JudgedSection)
    evaluation: EvaluationSection = Field(default_factory=EvaluationSection)
    output: EvaluationOutput = Field(default_factory=EvaluationOutput)
