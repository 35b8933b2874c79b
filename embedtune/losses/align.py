"""align: the student's vector of a text is that of another encoder, its teacher."""

import torch
from torch import Tensor, nn

from embedtune.losses.shared.arguments import Arguments
from embedtune.losses.shared.base import EmbeddingBatch, Loss, missing
from embedtune.losses.shared.vectors import at_least_float32, has_negatives, unit, valid_negatives, weighted_mean

PROJECTIONS = ("auto", "none")


class Align(Loss):
    """Gives each text the vector that a teacher gives it, by squared distance on the unit sphere.

    When to use: to make a small or static student of a large encoder, from texts alone; the student then stands in the
    teacher's space, so that it can ask an index of the teacher's vectors. Pairs are used as single texts.
    Needs: texts, and the teacher's vectors of them (--teacher MODEL, or a file of vectors). Cost: one distance per
    text; the teacher encodes each text once, and its vectors are kept in the store.

    Mean over all anchors, positives and real negatives of the batch, each with the weight of its row. A distance
    squared is 2 - 2 cosines. Where the dimensions D and G differ, a matrix (D, G) maps the student's vectors: `train`
    makes it a part of the student before the first step, so the saved encoder has G dimensions; elsewhere the loss
    owns it and learns it too.

    Source: Vujanic and Rueckstiess 2025, arXiv:2509.12539 (LEAF): norm(linear(student)) against the teacher's vector.
    Deviation: the matrix begins as the least squares solution instead of at random.
    Bounds: 0 to 4; 0 when all vectors agree in direction, 2 when they are orthogonal.

    Args:
        projection: "auto": a matrix maps the student into the teacher's space, where that brings it closer; "none": the
            student's own vectors are compared, which must have the teacher's dimensions.

    Raises:
        ConfigError: a value out of its range; by a call, the batch has no teacher, or one of other dimensions.

    Examples:
        >>> import torch
        >>> from embedtune import EmbeddingBatch, build_loss
        >>> one, other = torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 1.0]])
        >>> teacher = EmbeddingBatch(anchors=one, positives=other)
        >>> build_loss("align")(EmbeddingBatch(anchors=one, positives=one, teacher=teacher)).item()  # (0 + 2) / 2
        1.0
    """

    companions = ("teacher",)
    made_for_views = True
    suits_views = "single"
    reads_single_texts = True
    # Two layers of all-MiniLM-L6-v2 after 50 steps of 128 texts: mean cosine with it 0.718 at 5e-4, 0.729 at 2e-3.
    transformer_lr_times = 10.0

    def __init__(self, *, projection: str = "auto") -> None:
        super().__init__()
        self._check = Arguments("align")
        self.maps = self._check.choice("projection", projection, PROJECTIONS) == "auto"
        self.projection: nn.Linear | None = None

    def prepare_teacher(self, dimensions: int, targets: int) -> None:
        """Create the matrix from the student's D `dimensions` to the teacher's G, once, where these differ.

        Raises:
            ConfigError: they differ, and a matrix is not wanted.
        """
        if dimensions == targets or self.projection is not None:
            return
        if not self.maps:
            raise self._check.error(
                "projection",
                f"is none, and the student has {dimensions} dimensions where the teacher has {targets}",
                next="use projection: auto",
            )
        self.projection = nn.Linear(dimensions, targets, bias=False)

    def forward(self, batch: EmbeddingBatch) -> Tensor:
        """Mean over texts, of shape ()."""
        if batch.teacher is None:
            raise missing("the teacher's vectors of the same rows", "teacher=...")
        negatives = has_negatives(batch) and batch.teacher.negatives is not None
        student = at_least_float32(_texts(batch, batch, negatives))  # (B, 2+N, D)
        with torch.no_grad():
            teacher = unit(_texts(batch.teacher, batch, negatives)).to(student.device)  # (B, 2+N, G)
        self.prepare_teacher(student.shape[-1], teacher.shape[-1])
        if self.projection is not None:
            student = self.projection.to(student)(student)  # (B, 2+N, G)
        distances = (unit(student) - teacher).square().sum(dim=-1)  # (B, 2+N)
        counted = torch.ones_like(distances, dtype=torch.bool)
        if negatives:
            counted[:, 2:] = valid_negatives(batch)
        self.count(teacher_similarity=1 - weighted_mean(distances, None, counted) / 2)
        return weighted_mean(distances, batch.weights, counted)


def _texts(vectors: EmbeddingBatch, batch: EmbeddingBatch, negatives: bool) -> Tensor:
    """The vectors of each row's anchor, positive and, where wanted, negatives, with zeros for padding: (B, 2+N, D)."""
    pair = torch.stack([vectors.anchors, vectors.positives], dim=1)  # (B, 2, D)
    if not negatives or vectors.negatives is None:
        return pair
    real = valid_negatives(batch)[..., None].to(pair.device)  # (B, N, 1)
    return torch.cat([pair, torch.where(real, vectors.negatives, 0.0)], dim=1)
