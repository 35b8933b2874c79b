"""Every option of `embedtune train`: its name, unit, default, range and help. A recipe is exactly this, as YAML."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import Field, field_validator

from embedtune.config.options import option
from embedtune.config.section import RecipeSection
from embedtune.config.sections.domains import DomainsSection
from embedtune.config.sections.encoder import TowerSection
from embedtune.config.sections.guard import GuardSection
from embedtune.config.sections.learned_data import DataSection
from embedtune.config.sections.objective import (
    AveragedTeacherSection,
    GuideSection,
    LossSection,
    NegativesSection,
    RerankerSection,
)
from embedtune.config.sections.run_output import OutputSection
from embedtune.config.sections.several_sets import SetSection, as_written, demand_fitting_sets, one_form
from embedtune.config.sections.smaller import MatryoshkaSection, QuantizeAwareSection
from embedtune.config.sections.student import QueryEncoderSection, StudentSection, TeacherSection
from embedtune.config.sections.training import TrainingSection


class TrainConfig(RecipeSection):
    """Everything about a training run."""

    heading = "Objective"

    task: Literal["retrieval", "reranker"] = option(
        "retrieval",
        "what learns: the encoder (retrieval), or a cross-encoder that starts from it and reranks what it finds",
        "retrieval|reranker",
    )
    model: StudentSection = Field(default_factory=StudentSection)
    query_model: QueryEncoderSection = Field(default_factory=QueryEncoderSection)
    data: DataSection = Field(default_factory=DataSection)
    loss: list[LossSection] = option(
        [LossSection(name="gist")],
        "a loss and its weight; repeat it to add up several (`embedtune losses` lists them)",
        "NAME[:WEIGHT]",
        shown="gist",
        repeat=True,
        reads="losses",
        min_length=1,
    )
    distill: Literal["auto", "none"] = option(
        "auto",
        "whether to learn from a teacher's scores in the data as well; auto: short runs on dev decide, where --loss is "
        "left out; with --loss distill:WEIGHT you do",
        "auto|none",
    )
    matryoshka: MatryoshkaSection = Field(default_factory=MatryoshkaSection)
    quantize_aware: QuantizeAwareSection = Field(default_factory=QuantizeAwareSection)
    queue: int | None = option(
        None,
        "how many positives of past batches to add to each anchor's candidates (gist, infonce, moco); with --side "
        "query, of all documents, drawn for each step",
        "N",
        ge=1,
    )
    averaged_teacher: AveragedTeacherSection = Field(default_factory=AveragedTeacherSection)
    negatives: NegativesSection = Field(default_factory=NegativesSection)
    reranker: RerankerSection = Field(default_factory=RerankerSection)
    guide: GuideSection = Field(default_factory=GuideSection)
    teacher: TeacherSection = Field(default_factory=TeacherSection)
    guard: GuardSection = Field(default_factory=GuardSection)
    tower: TowerSection = Field(default_factory=TowerSection)
    side: Literal["both", "query"] = option(
        "both",
        "which side learns; query: documents keep the vectors that they have, so an index need not be made again",
        "both|query",
        group="Training",
    )
    training: TrainingSection = Field(default_factory=TrainingSection)
    domains: DomainsSection = Field(default_factory=DomainsSection)
    output: OutputSection = Field(default_factory=OutputSection)

    @field_validator("data", mode="before")
    @classmethod
    def _first_and_further(cls, data: Any) -> Any:
        return one_form(data)

    @field_validator("data")
    @classmethod
    def _sets_fit(cls, data: DataSection) -> DataSection:
        sets: list[DataSection | SetSection] = [data, *data.further]
        demand_fitting_sets([one.name for one in sets], [one.weight for one in sets], data.sampling)
        return data

    @classmethod
    def written_out(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """As of any section: `data` may be a list of sets."""
        return {**values, "data": one_form(values["data"])} if "data" in values else {**values}

    @classmethod
    def as_written(cls, path: Sequence[str | int], values: Mapping[str, Any]) -> list[str | int]:
        """As of any section: where a key of one of several sets stands."""
        return ["data", *as_written(path[1:], values.get("data"))] if path[:1] == ["data"] else [*path]

    @field_validator("loss")
    @classmethod
    def _each_loss_once(cls, terms: list[LossSection]) -> list[LossSection]:
        names = [term.name for term in terms]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)} is given more than once; name each loss once and add up the weights")
        return terms
