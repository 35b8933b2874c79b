"""Every option of an evaluation: its name, unit, default and range, and the command line's names for them."""

from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from embedtune.config.encoder import EncoderSection
from embedtune.config.options import OptionMistake, parse_pairs
from embedtune.config.section import Name, Products, RecipeSection

BM25 = "bm25"
"""The name of the system that ranks by shared words."""
Quantisation = Literal["int8", "binary", "binary-rescored"]
"""How document vectors may be kept: 8 bits a dimension, 1, or 1 with the float query choosing among candidates."""
METRICS = ("ndcg@10", "mrr@10", "recall@10", "recall@100")


class SystemsSection(RecipeSection):
    """What is scored."""

    names: list[Name] = Field(
        default_factory=list, description="Hub names, folders, `starter`, or `bm25`; empty and no runs: the last two"
    )
    query: Name | None = Field(None, description="another encoder for the queries of all of them")
    runs: list[Name] = Field(default_factory=list, description="rankings made elsewhere, in TREC's run format")
    prompts: list[str] = Field(
        default_factory=list,
        description='query="...",document="...", once for all encoders or once for each; bm25 takes none',
    )
    max_length: int | None = Field(None, ge=8, description="tokens; null: what the encoder declares")
    dimensions: list[Annotated[int, Field(ge=1)]] = Field(
        default_factory=list, description="score vectors cut to their first so many components too"
    )
    quantize: list[Quantisation] = Field(
        default_factory=list, description="score vectors kept in so few bits too, whole and cut"
    )
    trust_remote_code: bool = False
    allow_pickle: bool = False

    @property
    def systems(self) -> list[str]:
        """The names, or those to begin with where nothing is named."""
        return self.names or ([] if self.runs else ["starter", BM25])

    @property
    def encoders(self) -> list[str]:
        """The names that stand for encoders."""
        return [name for name in self.systems if name != BM25]

    def section(self, name: str) -> EncoderSection:
        """What `load_encoder` takes for one of the encoders, or for the queries' own."""
        given = self.prompts[self.encoders.index(name)] if len(self.prompts) > 1 else next(iter(self.prompts), "")
        return EncoderSection(
            name=name,
            prompts=prompts_of(given),
            max_length=self.max_length,
            trust_remote_code=self.trust_remote_code,
            allow_pickle=self.allow_pickle,
        )

    @field_validator("prompts")
    @classmethod
    def _readable(cls, prompts: list[str]) -> list[str]:
        for text in prompts:
            prompts_of(text)
        return prompts

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for kind, given in (
            ("model", self.names),
            ("run", self.runs),
            ("dimension", self.dimensions),
            ("quantisation", self.quantize),
        ):
            twice = [str(one) for one, times in Counter[str | int](given).items() if times > 1]
            if twice:
                raise ValueError(f"the {kind} {', '.join(twice)} is named more than once")
        unused = [name for name in ("dimensions", "quantize", "prompts", "max_length", "query") if getattr(self, name)]
        if unused and not self.encoders:
            raise ValueError(f"{' and '.join(unused)}: only encoders have a use for it, and none is named")
        if len(self.prompts) > 1 and (len(self.prompts) != len(self.encoders) or self.query is not None):
            raise ValueError(
                f"{len(self.prompts)} prompts for {len(self.encoders)} encoders; give them once, or once for each "
                "(which cannot be said with a query model)"
            )
        return self


class JudgedSection(RecipeSection):
    """What they are scored on."""

    sources: list[Name] = Field(
        default_factory=lambda: ["samples"], min_length=1, description="files, folders, hf:owner/name, or `samples`"
    )
    train: list[Name] = Field(
        default_factory=list, description="what the models learned from (split train), where no run folder tells"
    )
    split: Name = Field("test", description="which split of each, where the data have several")
    columns: dict[str, str] = Field(default_factory=dict, description="role -> column name")
    task: Literal["auto", "retrieval", "similarity", "candidates", "triplets"] = Field(
        "auto",
        description="what the sets are for; auto: scored pairs for similarity, labelled texts for candidates where "
        "these are given, all others for retrieval",
    )
    candidates: Name | None = Field(None, description="a file of labels and their wordings, to choose among")
    wordings: Literal["best", "mean"] = Field("best", description="of a label's wordings, which is its score")

    @field_validator("sources")
    @classmethod
    def _each_once(cls, sources: list[str]) -> list[str]:
        if len(set(sources)) < len(sources):
            raise ValueError("a set is named more than once")
        return sources


class EvaluationSection(RecipeSection):
    """How they are scored."""

    metrics: list[Name] = Field(
        default_factory=lambda: list(METRICS), min_length=1, description="such as ndcg@10; comparisons use the first"
    )
    seed: int = Field(0, ge=0, description="of the statistics' draws and of the starter")
    device: str = Field("auto", description="auto, cpu, cuda, cuda:1, mps")
    precision: Products = Field("fp32", description="of matrix products while encoding")


class EvaluationOutput(RecipeSection):
    """Where results go."""

    folder: Name | None = Field(None, description="null: evaluations/<date>-<set>")
    store: Name = Field("auto", description="folder of the vector store, or `none`; auto: the user's cache folder")


class EvaluateConfig(RecipeSection):
    """A whole evaluation."""

    models: SystemsSection = Field(default_factory=SystemsSection)
    data: JudgedSection = Field(default_factory=JudgedSection)
    evaluation: EvaluationSection = Field(default_factory=EvaluationSection)
    output: EvaluationOutput = Field(default_factory=EvaluationOutput)


def prompts_of(text: str) -> dict[Literal["query", "document"], str]:
    """The prompts that `query="...",document="..."` gives.

    Raises:
        ValueError: it cannot be read, or names another role.

    >>> prompts_of("query=query: ")
    {'query': 'query: '}
    """
    given = parse_pairs(text) if text else {}
    odd = given.keys() - {"query", "document"}
    if odd:
        raise OptionMistake(f"{min(odd)!r} is no role that a prompt is for; there are query and document")
    roles: tuple[Literal["query", "document"], ...] = ("query", "document")
    return {role: given[role] for role in roles if role in given}


# Option (as a Python name) -> the key it sets.
EVALUATE_KEYS: Mapping[str, str] = {
    "model": "models.names",
    "query_model": "models.query",
    "run": "models.runs",
    "prompts": "models.prompts",
    "max_length": "models.max_length",
    "dimensions": "models.dimensions",
    "quantize": "models.quantize",
    "trust_remote_code": "models.trust_remote_code",
    "allow_pickle": "models.allow_pickle",
    "data": "data.sources",
    "train_data": "data.train",
    "split": "data.split",
    "columns": "data.columns",
    "task": "data.task",
    "candidates": "data.candidates",
    "wordings": "data.wordings",
    "metrics": "evaluation.metrics",
    "seed": "evaluation.seed",
    "device": "evaluation.device",
    "precision": "evaluation.precision",
    "output": "output.folder",
    "store": "output.store",
}
