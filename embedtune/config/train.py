"""Every option of a training run: its name, unit, default and range. A recipe file is exactly this, written as YAML.

Sections are frozen and refuse unknown keys, so a misspelt option is an error and never a silent default. Loss
arguments are free here (a loss's own file knows them) and are checked against the loss before anything heavy loads.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from embedtune.config.encoder import EncoderSection
from embedtune.config.section import Name, RecipeSection, Share

LossArgs = dict[str, Any]


class DataSection(RecipeSection):
    """Where the pairs come from and how they are split."""

    source: Name = Field(
        "samples", description="a file, a folder, hf:owner/name, or `samples`, the set that ships with embedtune"
    )
    split: Name = Field("train", description="the split to learn from, where the data has several")
    eval_source: Name | None = Field(
        None, description="another source for the test queries, and dev's where the data have none"
    )
    eval_split: Name = Field("test", description="the split the verdict is read from")
    columns: dict[str, str] = Field(
        default_factory=dict, description="role -> column name, for other names than the usual"
    )
    group: Name | None = Field(None, description="column whose values are never divided between splits")
    known_positives: Literal["direct", "closure"] = Field(
        "direct",
        description="what is never a negative of an anchor: texts paired with it, or also all that chains of pairs "
        "connect with it, for pairs made from classes",
    )
    texts_only: bool = Field(False, description="learn from the texts alone, without the pairs that the data have")
    views: Name | None = Field(
        None,
        description="how a text alone becomes a pair, as `crop+delete:0.1`; null: proposed where there are no pairs",
    )
    further_views: int = Field(0, ge=0, description="views beside the first two, for losses that take several")
    pieces: Literal["passage", "sentence", "text"] = Field(
        "passage", description="what is learnt from where there are no pairs"
    )
    passage_words: int = Field(100, ge=5, description="most words of a passage; longer texts are cut between sentences")


class LossSection(RecipeSection):
    """One term of the objective."""

    name: str
    weight: float = Field(1.0, gt=0)
    args: LossArgs = Field(default_factory=dict)


class MatryoshkaSection(RecipeSection):
    """Nested dimensions: the objective on the first components of the vectors too, so that they can be cut later."""

    dimensions: list[Annotated[int, Field(ge=1)]] = Field(
        default_factory=list, description="how many components; all of them are always among these; empty: only all"
    )
    weights: list[Annotated[float, Field(gt=0)]] = Field(
        default_factory=list, description="one a dimension; empty: 1 each"
    )

    @model_validator(mode="after")
    def _one_weight_each(self) -> Self:
        if len(set(self.dimensions)) < len(self.dimensions):
            raise ValueError("a dimension stands there more than once")
        if self.weights and len(self.weights) != len(self.dimensions):
            raise ValueError(
                f"{len(self.weights)} weights for {len(self.dimensions)} dimensions; give one each or none"
            )
        return self


class NegativesSection(RecipeSection):
    """How the negatives of a row are used."""

    per_row: int | None = Field(None, ge=0, description="use at most this many of each row in an epoch; null: all")
    schedule: Literal["fixed", "random", "easy_to_hard"] = Field(
        "fixed",
        description="which of them: the first, others each epoch, or by their scores, from the lowest in the first "
        "epoch to the highest in the last",
    )

    @field_validator("schedule")
    @classmethod
    def _has_a_choice(cls, schedule: str, info: ValidationInfo) -> str:
        if schedule != "fixed" and info.data.get("per_row") is None:
            raise ValueError(f"{schedule} chooses some of each row's negatives; say how many in negatives.per_row")
        return schedule


class GuideSection(RecipeSection):
    """The model whose similarities decide which candidates are false negatives."""

    name: Name = Field("self", description="self, none, a Hub name, a folder, or a file of vectors or scores")
    warmup_share: Share = Field(0.1, description="share of the run before a `self` guide first guides")
    prompts: dict[Literal["query", "document"], str] = Field(default_factory=dict)
    max_length: int | None = Field(None, ge=8, description="tokens; the guide's own limit")
    trust_remote_code: bool = Field(False, description="run the model's own Python code, which can do anything")
    allow_pickle: bool = Field(False, description="read weights that are no safetensors; a pickle can run code")


class AveragedTeacherSection(RecipeSection):
    """The slow moving average of the encoder that some losses learn from."""

    momentum: Share = Field(
        0.99, description="share of its old weights that it keeps at the first step; rises to 1 along a cosine"
    )


class TrainingSection(RecipeSection):
    """The optimisation."""

    epochs: int = Field(10, ge=1)
    max_steps: int | None = Field(None, ge=1, description="stop after this many steps, whatever the epochs say")
    batch_size: int = Field(256, ge=2, description="pairs per step")
    micro_batch_tokens: Annotated[int, Field(ge=1)] | Literal["auto"] | None = Field(
        "auto",
        description="tokens whose activations are held at once, for batches larger than the memory; gradients stay "
        "those of the whole batch, for a second forward pass of the other texts; auto: what fits in a quarter of "
        "the free memory, on a GPU in half of it; null: the whole batch",
    )
    workers: int = Field(0, ge=0, description="processes that make batches ahead; 0: the training process itself")
    lr: Annotated[float, Field(gt=0)] | Literal["auto"] = Field("auto", description="auto: suits encoder and losses")
    head_lr: float | None = Field(
        None, gt=0, description="of the heads that losses own; null: that of the encoder, and at least 1e-3"
    )
    warmup_share: Share = 0.1
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    weight_decay: float = Field(0.0, ge=0)
    clip_norm: float = Field(1.0, gt=0, description="largest norm of the gradient")
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    dropout: Literal["model", "off"] = Field("model", description="model: as the encoder has it; off: none")
    embeddings: Literal["train", "frozen", "sparse"] = Field(
        "train",
        description="token vectors; frozen: a transformer's stay, and cost neither gradients nor moments; "
        "sparse: a step updates those that its texts use, which pays where these are few of many",
    )
    seed: int = Field(0, ge=0)
    device: str = Field("auto", description="auto, cpu, cuda, cuda:1, mps")
    evaluate_every: int | None = Field(None, ge=1, description="steps between dev evaluations; null: once an epoch")
    patience: int | None = Field(None, ge=1, description="stop after this many dev evaluations without gain")
    checkpoint_every: int | None = Field(
        None, ge=1, description="steps between checkpoints; null: at each dev evaluation"
    )


class OutputSection(RecipeSection):
    """Where results go."""

    folder: Name | None = Field(None, description="the run folder; null: runs/<date>-<loss>")
    store: Name = Field("auto", description="folder of the vector store, or `none`; auto: the user's cache folder")
    tensorboard: bool = False
    check_saved: Literal["process", "here"] = Field(
        "process", description="where the saved model is read back and compared: in a fresh process, or in this one"
    )


class TrainConfig(RecipeSection):
    """A whole training recipe."""

    model: EncoderSection = Field(default_factory=EncoderSection)
    data: DataSection = Field(default_factory=DataSection)
    loss: list[LossSection] = Field(default_factory=lambda: [LossSection(name="gist")], min_length=1)
    matryoshka: MatryoshkaSection = Field(default_factory=MatryoshkaSection)
    queue: int | None = Field(
        None, ge=1, description="how many positives of past batches join each anchor's candidates; null: none"
    )
    averaged_teacher: AveragedTeacherSection = Field(default_factory=AveragedTeacherSection)
    negatives: NegativesSection = Field(default_factory=NegativesSection)
    guide: GuideSection = Field(default_factory=GuideSection)
    training: TrainingSection = Field(default_factory=TrainingSection)
    output: OutputSection = Field(default_factory=OutputSection)

    @field_validator("loss")
    @classmethod
    def _each_loss_once(cls, terms: list[LossSection]) -> list[LossSection]:
        names = [term.name for term in terms]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(
                f"{', '.join(twice)} stands there more than once; name each loss once and add up the weights"
            )
        return terms
