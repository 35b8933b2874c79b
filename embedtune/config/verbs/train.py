"""Every option of `embedtune train`: its name, unit, default, range and help. A recipe is exactly this, as YAML.

Loss arguments are free here: a loss's own file knows them, and they are checked against it before anything heavy loads.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from embedtune.config.fields import Columns, Device, LearnedSplit, Store, TextEncoding, random_seed
from embedtune.config.options import option
from embedtune.config.section import Name, Prompts, RecipeSection, Share
from embedtune.config.sections.domains import DomainsSection
from embedtune.config.sections.encoder import ModelSection, TowerSection
from embedtune.config.sections.guard import GuardSection
from embedtune.config.sections.several_sets import (
    MOST_WEIGHT,
    SetLoss,
    SetSection,
    as_written,
    demand_fitting_sets,
    one_form,
)
from embedtune.config.sections.student import QueryEncoderSection, StudentSection, TeacherSection

LossArgs = dict[str, Any]
Auto = Literal["auto"]


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


class LossSection(RecipeSection):
    """One term of the objective."""

    heading = "Objective"

    name: str
    weight: float = Field(1.0, gt=0)
    args: LossArgs = option(
        {},
        "margin of the first loss; auto chooses it on the dev split",
        "auto|NUMBER",
        flag="margin",
        shown="what the loss declares",
        under="margin",
        reads="scalar",
    )


class MatryoshkaSection(RecipeSection):
    """Nested dimensions: the objective on the first components of the vectors too, so that they can be cut later."""

    heading = "Objective"

    dimensions: list[Annotated[int, Field(ge=1)]] = option(
        [],
        "smaller vector sizes to train as well, so that vectors can be cut to them",
        "256,128,...",
        flag="matryoshka",
        shown="full size only",
    )
    weights: list[Annotated[float, Field(gt=0)]] = Field(
        default_factory=list, description="one per dimension; empty: 1 each"
    )

    @model_validator(mode="after")
    def _one_weight_each(self) -> Self:
        if len(set(self.dimensions)) < len(self.dimensions):
            raise ValueError("a dimension is given more than once")
        if self.weights and len(self.weights) != len(self.dimensions):
            raise ValueError(
                f"{len(self.weights)} weights for {len(self.dimensions)} dimensions; give one each or none"
            )
        return self


class NegativesSection(RecipeSection):
    """How the negatives of a row are used."""

    per_row: int | None = Field(None, ge=0, description="most negatives of a row per epoch; null: all")
    mined: int = Field(
        0,
        ge=0,
        description="negatives to find for each row before training, where rows have none: the training documents that "
        "the encoder ranks highest, at up to 95% of the positive's score; 0: none",
    )
    schedule: Literal["fixed", "random", "easy_to_hard"] = Field(
        "fixed",
        description="which of them: the first (fixed), others in each epoch (random), or by score, from the lowest in "
        "the first epoch to the highest in the last (easy_to_hard)",
    )

    @field_validator("schedule")
    @classmethod
    def _has_a_choice(cls, schedule: str, info: ValidationInfo) -> str:
        if schedule != "fixed" and info.data.get("per_row") is None:
            raise ValueError(f"{schedule} chooses some of each row's negatives; say how many in negatives.per_row")
        return schedule


class GuideSection(ModelSection):
    """The model whose similarities decide which candidates are false negatives."""

    heading = "Objective"
    flagged = frozenset({"name"})
    apart = "guide"

    name: Name = option(
        "self",
        "what decides which candidates are false negatives: the encoder itself (self), nothing "
        "(none), another model, or a file of vectors or scores",
        "self|none|MODEL|FILE",
        flag="guide",
    )
    warmup_share: Share | Auto = Field(
        "auto",
        description="share of the run before a `self` guide first guides; auto: 0 for a pretrained encoder, which "
        "knows similar texts from the start, and 0.1 for one that has to learn that first",
    )
    refresh: Literal["once", "every_epoch"] | Auto = Field(
        "auto",
        description="how often a `self` guide looks again; every_epoch takes a third of the time of training; "
        "auto: once for a pretrained encoder",
    )


class RerankerSection(RecipeSection):
    """A cross-encoder, where that is what is trained."""

    negatives: int = Field(4, ge=1, description="negatives per pair that a cross-encoder learns from")
    depth: int = Field(50, ge=1, description="documents of the encoder's ranking that a cross-encoder reorders")
    nearness: float = Field(
        0.95,
        gt=0,
        le=1,
        description="where the rows bring no negatives: half of them are the nearest training documents whose score is "
        "at most this share of the positive's, and half are drawn at random",
    )


class AveragedTeacherSection(RecipeSection):
    """The slow moving average of the encoder that some losses learn from."""

    momentum: Share = Field(
        0.99, description="share of its old weights kept at the first step; rises to 1 along a cosine"
    )


class TrainingSection(RecipeSection):
    """The optimisation."""

    heading = "Training"

    epochs: Annotated[int, Field(ge=1)] | Auto = option(
        "auto", "passes over the training pairs; auto suits the encoder and the number of pairs", "auto|N"
    )
    max_steps: int | None = option(
        None, "stop after this many steps, however many epochs are asked for", "N", shown="no limit", ge=1
    )
    batch_size: Annotated[int, Field(ge=2)] | Auto = option(
        "auto", "pairs per step; auto suits the encoder and the number of pairs", "auto|PAIRS"
    )
    batches: Literal["random", "clusters"] = Field(
        "random",
        description="which rows form a batch; clusters: rows of a few values of the group column (data.group), such as "
        "the clusters that `embedtune cluster` writes, so that a batch holds harder negatives",
    )
    micro_batch_tokens: Annotated[int, Field(ge=1)] | Literal["auto"] | None = Field(
        "auto",
        description="tokens whose activations are held at once, for batches larger than the memory; the gradients are "
        "those of the full batch, at the price of a second forward pass; auto: what fits in a quarter of the free "
        "memory, on a GPU in half of it; null: the full batch",
    )
    workers: int = Field(0, ge=0, description="processes that make batches ahead; 0: the training process itself")
    lr: Annotated[float, Field(gt=0)] | Auto = option(
        "auto", "learning rate; auto suits the encoder and the losses", "auto|NUMBER"
    )
    head_lr: float | None = Field(
        None, gt=0, description="learning rate of heads that losses own; null: that of the encoder, at least 1e-3"
    )
    warmup_share: Share = 0.1
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    weight_decay: float = Field(0.0, ge=0)
    clip_norm: float = Field(1.0, gt=0, description="largest norm of the gradient")
    precision: Literal["auto", "fp32", "bf16", "fp16"] = option(
        "auto",
        "precision of matrix products during training; auto uses bf16 where the hardware supports it",
        "auto|fp32|bf16|fp16",
    )
    dropout: Literal["model", "off"] = Field("model", description="model: as the encoder declares it; off: none")
    embeddings: Literal["auto", "train", "used", "frozen", "sparse"] = Field(
        "auto",
        description="token embeddings; train: all are trained; used: the same, computed only for tokens that the texts "
        "have used, which saves time and memory where the vocabulary is large; frozen: a transformer's are not "
        "trained; sparse: a step updates only those of its own texts; auto: train or used, whichever costs less",
    )
    freeze_layers: int = Field(
        0,
        ge=0,
        description="the lowest layers of a transformer that are not trained, its token embeddings included; their "
        "outputs are computed once per text",
    )
    seed: int = random_seed("the split, the shuffle and the starter")
    device: Device = "auto"
    evaluate_every: Annotated[int, Field(ge=1)] | Auto | None = Field(
        "auto",
        description="steps between dev evaluations; auto: up to ten, as many as an eighth of the time of training "
        "allows; null: once an epoch",
    )
    dev_queries: Annotated[int, Field(ge=1)] | Auto | None = Field(
        "auto",
        description="dev queries that evaluations during training ask; auto: fewer where all take too long; null: all",
    )
    dev_documents: Annotated[int, Field(ge=1)] | Auto | None = Field(
        "auto",
        description="dev documents that they rank: those that are judged, some that BM25 finds, and others at random; "
        "auto: fewer where all take too long; null: all",
    )
    patience: int | None = Field(
        None, ge=1, description="early stopping: dev evaluations without improvement before the end"
    )
    checkpoint_every: int | None = Field(
        None, ge=1, description="steps between checkpoints; null: at each dev evaluation"
    )

    @model_validator(mode="after")
    def _one_way_for_token_vectors(self) -> "TrainingSection":
        if self.freeze_layers and self.embeddings not in ("auto", "frozen"):
            raise ValueError(
                f"freeze_layers keeps the token embeddings as they are, and embeddings={self.embeddings} trains them; "
                "leave one of them out"
            )
        return self


Tracker = Literal["tensorboard", "wandb", "mlflow", "trackio"]


class OutputSection(RecipeSection):
    """Where results go."""

    heading = "Output"

    folder: Name | None = option(None, "the run folder", "FOLDER", flag="output", shown="runs/DATE-DATA-MODEL-LOSS")
    store: Store = "auto"
    tensorboard: bool = False
    track: list[Tracker] = option(
        [],
        "also send loss, gauges and dev scores there, with the options of the run; repeat it for several",
        "tensorboard|wandb|mlflow|trackio",
        shown="none",
        repeat=True,
    )
    keep_checkpoints: bool = option(False, "keep the checkpoints of a finished run, so that it can train on")
    check_saved: Literal["process", "here"] = Field(
        "process", description="where the saved model is read back and compared: in a new process, or in this one"
    )

    @property
    def trackers(self) -> tuple[Tracker, ...]:
        """Where the run is tracked, each once; `tensorboard: true` is the older way to name the first."""
        older: list[Tracker] = ["tensorboard"] if self.tensorboard else []
        return tuple(dict.fromkeys([*older, *self.track]))


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
