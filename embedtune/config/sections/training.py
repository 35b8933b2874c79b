"""The `training:` section of `embedtune train`: the optimisation, its looks at dev, and its checkpoints."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from embedtune.config.fields import Device, random_seed
from embedtune.config.options import option
from embedtune.config.section import Auto, RecipeSection, Share


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
    skip_below: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="texts whose gradients, all together, are at most this share of the gradient of a batch get no "
        "backward pass, such as 0.1; each text is encoded without activations first; 0: none is left out",
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
    scoring_precision: Literal["auto", "fp32", "bf16"] = Field(
        "auto",
        description="precision of matrix products while dev, test and guard texts are encoded, before and after alike; "
        "auto: as in training",
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
