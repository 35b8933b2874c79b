"""Every option of `embedtune evaluate`: its name, unit, default, range and help."""

from typing import Literal

from pydantic import Field, field_validator

from embedtune.config.fields import Columns, Device, Engine, EvidenceGroup, Precision, Store, TextEncoding, random_seed
from embedtune.config.options import option
from embedtune.config.section import Name, NewFolder, RecipeSection
from embedtune.config.systems import SystemsSection

METRICS = ("ndcg@10", "mrr@10", "recall@10", "recall@100")


class JudgedSection(RecipeSection):
    """What they are scored on."""

    heading = "Data"

    sources: list[Name] = option(
        ["samples"],
        "a judged set: a file, a folder, hf:owner/name, or samples, the set that ships with embedtune (samples:en, "
        "samples:ko: one language of it)",
        "SET",
        flag="data",
        repeat=True,
        min_length=1,
    )
    train: list[Name] = option(
        [],
        "what the models learned from, where they do not come from a run of embedtune",
        "SET",
        flag="train_data",
        shown="what a run folder records",
        repeat=True,
    )
    split: Name = option("test", "split to score on, where a set has several", "NAME")
    columns: Columns = Field(default_factory=dict)
    group: EvidenceGroup = None
    encoding: TextEncoding = None
    judged: list[Name] = option(
        [],
        "judgments to add: a pool with decisions, or a ledger",
        "FILE",
        shown="none",
        repeat=True,
    )
    task: Literal["auto", "retrieval", "similarity", "candidates", "triplets", "clusters"] = option(
        "auto",
        "what the sets are scored for; auto: similarity for scored pairs, candidates for labelled "
        "texts with --candidates, retrieval for all others; clusters: does k-means find the labels again",
        "auto|retrieval|similarity|candidates|triplets|clusters",
        group="Scoring",
    )
    mteb: bool = option(
        False,
        "with --task clusters: add V-measure and AMI by mteb's protocol, as its leaderboard shows them",
        group="Scoring",
    )
    candidates: Name | None = option(
        None, "labels to choose among: rows of label and text, several per label for several wordings", "FILE"
    )
    wordings: Literal["best", "mean"] = option(
        "best", "which of a label's wordings gives its score", "best|mean", group="Scoring"
    )

    @field_validator("sources")
    @classmethod
    def _each_once(cls, sources: list[str]) -> list[str]:
        if len(set(sources)) < len(sources):
            raise ValueError("a set is named more than once")
        return sources


class EvaluationSection(RecipeSection):
    """How they are scored."""

    heading = "Scoring"

    metrics: list[Name] = option(
        list(METRICS), "such as ndcg@10,map@100; comparisons use the first", "NAME@K,...", min_length=1
    )
    fusion: Literal["rrf", "weighted"] = option(
        "rrf",
        "how bm25+MODEL joins two rankings: by reciprocal ranks, or by scores with the weight that is best on the "
        "dev split",
        "rrf|weighted",
    )
    rerank: Name | None = option(
        None,
        "a cross-encoder that puts each ranking's first documents in a new order, to see what that adds",
        "MODEL",
        shown="none",
    )
    rerank_depth: int = Field(50, ge=1, description="documents of each ranking that --rerank reads")
    seed: int = random_seed("the statistics and the starter")
    device: Device = "auto"
    precision: Precision = "fp32"
    engine: Engine = "here"


class EvaluationOutput(RecipeSection):
    """Where results go."""

    heading = "Output"

    folder: NewFolder | None = option(
        None,
        "a new folder for rankings, scores per query and the report",
        "FOLDER",
        flag="output",
        shown="evaluations/DATE-SET",
    )
    pool: Name | None = option(
        None,
        "a new file for the 200 unjudged documents whose judgment could change the comparison most",
        "FILE",
        shown="none",
    )
    store: Store = "auto"


class EvaluateConfig(RecipeSection):
    """Everything about an evaluation."""

    models: SystemsSection = Field(default_factory=SystemsSection)
    data: JudgedSection = Field(default_factory=JudgedSection)
    evaluation: EvaluationSection = Field(default_factory=EvaluationSection)
    output: EvaluationOutput = Field(default_factory=EvaluationOutput)
