"""Every option of `embedtune mine`: its name, unit, default, range and help."""

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from embedtune.config.fields import Columns, Device, EncodingPrecision, Source, Store, TextEncoding, random_seed
from embedtune.config.option_text import parse_bytes, parse_range
from embedtune.config.options import option
from embedtune.config.section import Name, RecipeSection
from embedtune.config.sections.encoder import ModelSection, OptionalModelSection

LEAST_MEMORY = 64 * 2**20
_MARGINS = ("margin", "relative_margin", "percent_of_positive")


class PairsSection(RecipeSection):
    """Where the queries and their positives come from, and where candidates do."""

    heading = "Data"

    source: Source = "samples"
    split: Name = option("train", "split to mine for, where the data has several", "NAME")
    columns: Columns = Field(default_factory=dict)
    encoding: TextEncoding = None
    group: Name | None = option(
        None, "texts that share the query's value of this column, such as its topic, are never its negatives", "COLUMN"
    )
    corpus: Name | None = option(
        None,
        "where candidates come from: a file or a BEIR folder",
        "PATH",
        shown="a BEIR folder's own corpus, or every positive and given negative",
    )


class MiningSection(RecipeSection):
    """How candidates are found and chosen."""

    heading = "Candidates"

    negatives: int = option(5, "hard negatives per query", "N", ge=1)
    candidates: Literal["dense", "bm25", "dense+bm25"] = option(
        "dense", "what finds candidates: the encoder, shared words, or both", "dense|bm25|dense+bm25"
    )
    fusion: Literal["fuse", "alternate"] = Field("fuse", description="how dense+bm25 become one list")
    index: Name = option(
        "exact",
        "exact search, or a FAISS index_factory string for a large corpus, such as IVF1024,Flat",
        "exact|FACTORY",
    )
    sampling: Literal["top", "random", "weighted", "spread"] = option(
        "top", "how to choose among candidates that pass the filters", "top|random|weighted|spread"
    )
    temperature: float = Field(0.05, gt=0, description="temperature of weighted sampling; divides scores")
    block: int = Field(1024, ge=1, description="queries per block of work; an interruption costs at most one block")
    memory: str = option(
        "4GiB",
        "most memory for searching and indexing; the model and its encoding batches, which do not "
        "grow with the corpus, are extra",
        "SIZE",
        group="Run",
    )
    vectors: Literal["float16", "float32"] = Field("float32", description="precision of document vectors on disk")
    seed: int = random_seed("the sampling, the choice of a margin and the starter")
    device: Device = "auto"
    precision: EncodingPrecision = "auto"
    engine: str = option(
        "here",
        "where texts are encoded and queries searched: in this process (here), in N processes of this machine "
        "(local:N), or on a Ray cluster; the result is the same",
        "here|local:N|ray[://HOST:PORT]",
        group="Run",
    )

    @field_validator("memory")
    @classmethod
    def _an_amount(cls, text: str) -> str:
        if parse_bytes(text) < LEAST_MEMORY:
            raise ValueError(f"{text} is too little memory; give at least {LEAST_MEMORY // 2**20}MiB")
        return text

    @model_validator(mode="after")
    def _index_of_vectors(self) -> "MiningSection":
        if self.candidates == "bm25" and self.index != "exact":
            raise ValueError(f"the index {self.index} searches vectors, and bm25 finds candidates by words alone")
        return self

    @property
    def memory_bytes(self) -> int:
        """What `memory` says, in bytes."""
        return parse_bytes(self.memory)


class FilterSection(RecipeSection):
    """What makes a candidate unfit as a negative. All that are given apply."""

    heading = "Filters"

    range: str = option(
        "0:100",
        "ranks to take from, HIGH excluded; 0 is the nearest text that is not a known positive",
        "LOW:HIGH",
        group="Candidates",
    )
    min_score: float | None = option(None, "lowest score that a candidate may have", "SCORE")
    max_score: float | None = option(None, "highest score that a candidate may have", "SCORE")
    margin: float | None = option(
        None,
        "a candidate must score at least this much below the positive",
        "NUMBER",
        shown="chosen from the data, see --target-kept",
    )
    relative_margin: float | None = option(None, "the same, as a share of the positive's score, such as 0.05", "SHARE")
    percent_of_positive: float | None = option(
        None,
        "highest score that a candidate may have, as a percentage of the positive's score (TopK-PercPos)",
        "PERCENT",
        gt=0,
    )
    target_kept: Annotated[float, Field(gt=0, lt=1)] | Literal["auto", "none"] = option(
        "auto",
        "share of candidates that a margin chosen from the data keeps; auto: the data decides that "
        "too; none: no margin is chosen; a margin that you give is never replaced",
        "SHARE|auto|none",
    )
    preset: Literal["hardest", "semi-hard", "threshold"] | None = option(
        None,
        "filters by their usual names: no filter, below the positive, below --max-score",
        "hardest|semi-hard|threshold",
    )
    sample: int = Field(1000, ge=10, description="queries that a margin is chosen on")

    @field_validator("range")
    @classmethod
    def _a_range(cls, text: str) -> str:
        parse_range(text)
        return text

    @model_validator(mode="after")
    def _bounds_in_order(self) -> "FilterSection":
        if self.min_score is not None and self.max_score is not None and self.min_score > self.max_score:
            raise ValueError(f"min_score {self.min_score:g} is above max_score {self.max_score:g}; nothing would stay")
        if self.preset == "threshold" and self.max_score is None:
            raise ValueError("the preset threshold needs max_score")
        ruled_out = [name for name in (*_MARGINS, "preset") if getattr(self, name) is not None]
        if isinstance(self.target_kept, float) and ruled_out:
            raise ValueError(
                f"target_kept chooses a margin, and {ruled_out[0]} leaves none to choose; give one of them"
            )
        return self

    @property
    def ranks(self) -> tuple[int, int]:
        """The first rank of `range`, and the one after its last."""
        return parse_range(self.range)

    @property
    def calibrated(self) -> bool:
        """Whether a margin is to be chosen from the data."""
        given = (getattr(self, name) for name in (*_MARGINS, "preset"))
        return self.target_kept != "none" and all(value is None for value in given)


class JudgeSection(OptionalModelSection):
    """A second model that says which candidates are false negatives."""

    heading = "Filters"
    flagged = frozenset({"name"})

    margin: float = Field(0.0, description="a candidate stays while it scores below the positive's score minus this")

    @field_validator("name")
    @classmethod
    def _nobody(cls, name: str | None) -> str | None:
        return None if name == "none" else name  # as `--guide none` of training says it


class GuideJudgeSection(JudgeSection):
    """An encoder as the judge."""

    apart = "guide"

    name: Name | None = option(None, "a second encoder that also rejects likely positives", "MODEL", flag="guide")


class CrossEncoderSection(JudgeSection):
    """A cross-encoder as the judge."""

    apart = "cross_encoder"

    name: Name | None = option(
        None,
        "a cross-encoder that scores every pair and rejects likely positives; its scores are written into the rows",
        "MODEL",
        flag="cross_encoder",
    )


class TeacherFileSection(RecipeSection):
    """Scores of pairs made elsewhere, as a judge and as what is written into the rows."""

    heading = "Filters"

    file: Name | None = option(
        None,
        "a file of scores (query, document, score); they reject likely positives and are written into the rows",
        "FILE",
        flag="teacher",
    )
    margin: float = Field(0.0, description="a candidate stays while it scores below the positive's score minus this")


class MinedSection(RecipeSection):
    """Where results go."""

    heading = "Output"

    path: Name = option("mined.jsonl", "a .jsonl or .parquet file", "FILE", flag="output")
    format: Name = option("rows", "layout of the output; an unknown name lists them all", "rows|triplet|n-tuple|...")
    relabel: Name | None = option(
        None, "ledger of an earlier job, edited to hold your decisions", "LEDGER", group="Data"
    )
    store: Store = "auto"
    keep_job: bool = option(False, "keep the job folder next to the output when done")


class MineConfig(RecipeSection):
    """Everything about a mining job."""

    model: ModelSection = Field(default_factory=ModelSection)
    data: PairsSection = Field(default_factory=PairsSection)
    mining: MiningSection = Field(default_factory=MiningSection)
    filters: FilterSection = Field(default_factory=FilterSection)
    guide: GuideJudgeSection = Field(default_factory=GuideJudgeSection)
    cross_encoder: CrossEncoderSection = Field(default_factory=CrossEncoderSection)
    teacher: TeacherFileSection = Field(default_factory=TeacherFileSection)
    output: MinedSection = Field(default_factory=MinedSection)
