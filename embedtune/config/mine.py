"""Every option of a mining job: its name, unit, default and range, and the command line's names for them."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from embedtune.config.encoder import EncoderSection
from embedtune.config.quantity import parse_bytes, parse_range
from embedtune.config.section import Name, Products, Prompts, RecipeSection

LEAST_MEMORY = 64 * 2**20
_MARGINS = ("margin", "relative_margin", "percent_of_positive")


class MinedEncoderSection(RecipeSection):
    """The encoder whose neighbours are the candidates."""

    name: Name = Field("starter", description="a Hub name, a folder, or `starter`, built from the data at hand")
    prompts: Prompts = Field(default_factory=dict, description="text put before every query or document")
    max_length: int | None = Field(None, ge=8, description="tokens; null: what the encoder declares")
    trust_remote_code: bool = False
    allow_pickle: bool = False

    def as_model(self) -> EncoderSection:
        """What `load_encoder` takes."""
        return EncoderSection(**self.model_dump())


class PairsSection(RecipeSection):
    """Where the queries and their positives come from, and where candidates do."""

    source: Name = Field("samples", description="a file, a folder, hf:owner/name, or `samples`")
    split: Name = Field("train", description="the split to mine for, where the data has several")
    columns: dict[str, str] = Field(default_factory=dict, description="role -> column name")
    group: Name | None = Field(
        None, description="column whose value, shared with the query, rules a candidate out: such as the topic"
    )
    corpus: Name | None = Field(
        None,
        description="a file or a BEIR folder to take candidates from; null: a BEIR folder's own corpus, or every "
        "positive and given negative",
    )


class MiningSection(RecipeSection):
    """How candidates are found and chosen."""

    negatives: int = Field(5, ge=1, description="per query")
    candidates: Literal["dense", "bm25", "dense+bm25"] = "dense"
    fusion: Literal["fuse", "alternate"] = Field("fuse", description="how dense+bm25 become one list")
    index: Name = Field(
        "exact", description="exact, or a FAISS index_factory string for a large corpus, such as IVF1024,Flat"
    )
    sampling: Literal["top", "random", "weighted", "spread"] = "top"
    temperature: float = Field(0.05, gt=0, description="of weighted sampling: divides scores")
    block: int = Field(1024, ge=1, description="queries worked on at once; what an interruption can cost")
    memory: str = Field("4GiB", description="most memory that search and encoding may take beside the model")
    vectors: Literal["float16", "float32"] = Field("float32", description="how document vectors lie on disk")
    seed: int = Field(0, ge=0)
    device: str = Field("auto", description="auto, cpu, cuda, cuda:1, mps")
    precision: Products = Field("auto", description="of matrix products while encoding")

    @field_validator("memory")
    @classmethod
    def _an_amount(cls, text: str) -> str:
        if parse_bytes(text) < LEAST_MEMORY:
            raise ValueError(f"{text} is too little to work in; give at least {LEAST_MEMORY // 2**20}MiB")
        return text

    @model_validator(mode="after")
    def _index_of_vectors(self) -> "MiningSection":
        if self.candidates == "bm25" and self.index != "exact":
            raise ValueError(f"the index {self.index} is of vectors, and candidates of bm25 are found by words alone")
        return self

    @property
    def memory_bytes(self) -> int:
        return parse_bytes(self.memory)


class FilterSection(RecipeSection):
    """What makes a candidate unfit as a negative. All that are given apply."""

    range: str = Field("0:100", description="LOW:HIGH, ranks among the candidates that are no known positives")
    min_score: float | None = None
    max_score: float | None = None
    margin: float | None = Field(None, description="a candidate scores at most the positive's score less this")
    relative_margin: float | None = Field(None, description="the same, as a share of the positive's score")
    percent_of_positive: float | None = Field(
        None, gt=0, description="a candidate scores at most this percentage of the positive's score (TopK-PercPos)"
    )
    target_kept: Annotated[float, Field(gt=0, lt=1)] | Literal["auto", "none"] = Field(
        "auto",
        description="share of candidates that a margin chosen from the data should keep; auto: the data decide that "
        "too; none: no margin is chosen. A margin that is given is never replaced",
    )
    preset: Literal["hardest", "semi-hard", "threshold"] | None = Field(
        None,
        description="filters by their usual names: hardest (none), semi-hard (below the positive), threshold "
        "(below max_score)",
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
        return parse_range(self.range)

    @property
    def calibrated(self) -> bool:
        """Whether a margin is to be chosen from the data."""
        given = (getattr(self, name) for name in (*_MARGINS, "preset"))
        return self.target_kept != "none" and all(value is None for value in given)


class OpinionSection(RecipeSection):
    """A second model's opinion on what is a false negative."""

    name: Name | None = Field(None, description="a Hub name or a folder; null: none is asked")
    margin: float = Field(0.0, description="a candidate stays while it scores below the positive's score less this")
    prompts: Prompts = Field(default_factory=dict)
    max_length: int | None = Field(None, ge=8, description="tokens; null: the model's own limit")
    trust_remote_code: bool = False
    allow_pickle: bool = False

    @field_validator("name")
    @classmethod
    def _nobody(cls, name: str | None) -> str | None:
        return None if name == "none" else name  # as `--guide none` of training says it

    def as_model(self) -> EncoderSection:
        """What `load_encoder` takes; only of a section that names a model."""
        return EncoderSection(**self.model_dump(exclude={"margin"}))


class MinedSection(RecipeSection):
    """Where results go."""

    path: Name = Field("mined.jsonl", description="a .jsonl or .parquet file")
    format: Name = Field("rows", description="layout of the output")
    relabel: Name | None = Field(None, description="a ledger of an earlier job, with decisions filled in")
    store: Name = Field("auto", description="folder of the vector store, or `none`; auto: the user's cache folder")
    keep_job: bool = Field(False, description="leave the job folder beside the output when done")


class MineConfig(RecipeSection):
    """A whole mining recipe."""

    model: MinedEncoderSection = Field(default_factory=MinedEncoderSection)
    data: PairsSection = Field(default_factory=PairsSection)
    mining: MiningSection = Field(default_factory=MiningSection)
    filters: FilterSection = Field(default_factory=FilterSection)
    guide: OpinionSection = Field(default_factory=OpinionSection)
    cross_encoder: OpinionSection = Field(default_factory=OpinionSection)
    output: MinedSection = Field(default_factory=MinedSection)


# Option (as a Python name) -> the key it sets.
MINE_KEYS: Mapping[str, str] = {
    "data": "data.source",
    "split": "data.split",
    "columns": "data.columns",
    "group": "data.group",
    "corpus": "data.corpus",
    "model": "model.name",
    "prompts": "model.prompts",
    "max_length": "model.max_length",
    "trust_remote_code": "model.trust_remote_code",
    "allow_pickle": "model.allow_pickle",
    "negatives": "mining.negatives",
    "candidates": "mining.candidates",
    "index": "mining.index",
    "sampling": "mining.sampling",
    "memory": "mining.memory",
    "seed": "mining.seed",
    "device": "mining.device",
    "precision": "mining.precision",
    "range": "filters.range",
    "min_score": "filters.min_score",
    "max_score": "filters.max_score",
    "margin": "filters.margin",
    "relative_margin": "filters.relative_margin",
    "percent_of_positive": "filters.percent_of_positive",
    "target_kept": "filters.target_kept",
    "preset": "filters.preset",
    "guide": "guide.name",
    "cross_encoder": "cross_encoder.name",
    "output": "output.path",
    "format": "output.format",
    "relabel": "output.relabel",
    "store": "output.store",
    "keep_job": "output.keep_job",
}
