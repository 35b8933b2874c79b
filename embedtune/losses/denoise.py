"""denoise: a decoder writes each original text from the single vector of its damaged form."""

from collections.abc import Mapping
from itertools import chain
from typing import cast

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from embedtune.losses.shared.arguments import Arguments
from embedtune.losses.shared.base import EmbeddingBatch, missing
from embedtune.losses.shared.decoder import Decoder, Vocabulary
from embedtune.losses.shared.heads import Headed
from embedtune.losses.shared.tiles import log_sum
from embedtune.losses.shared.vectors import at_least_float32, weighted_mean
from embedtune.losses.shared.views import student_views


class Denoise(Headed):
    """Makes a vector hold what its text says: a small decoder must write the full text from the vector of a damaged
    one.

    When to use: texts alone and time for full epochs, since vectors get worse until the decoder has learned to read
    them, and better only then; or as a small added term. Views must damage most of the text: --views delete:0.6.
    Needs: anchors, positives, the tokens of both undamaged, and the encoder's token vectors. Cost: a decoder layer
    over all tokens, and each token against the full vocabulary, in tiles; no matrix of tokens by vocabulary is kept.

    The mean negative log-likelihood, in nats, of a token given the tokens before it and the vector, over all tokens of
    anchors, positives and further views. The decoder's input and output tokens are the encoder's own token vectors. The
    decoder is discarded after training.

    Source: Wang et al. 2021, arXiv:2104.06979 (TSDAE), equation 1. Deviations: a small decoder of its own, not as deep
    as the encoder and tied to it, so that it suits a static encoder too; predictions start from token frequencies; of a
    text longer than `length`, one part is written per step, another one in each step.
    Bounds: 0 (every token is certain) upwards; ln V when every token of the vocabulary is equally likely.

    Args:
        width: of the decoder; 0: the number of dimensions of the vectors.
        layers: of the decoder; a strong decoder depends less on the vector.
        length: most tokens to write of a text.
        tied: whether the encoder's token vectors also learn from being the decoder's input and output, not only
            through the sentence vector; on a starter, tying lost the accuracy gained without it.
        seed: of the decoder's initial weights.

    Raises:
        ConfigError: a value out of its range; by a call, the batch has no tokens.

    Examples:
        >>> import torch
        >>> from embedtune import EmbeddingBatch, build_loss
        >>> tokens = torch.tensor([[[0, 1, 2], [0, 1, -1]]])  # of one row's anchor and positive
        >>> vectors = torch.ones(1, 4)
        >>> batch = EmbeddingBatch(anchors=vectors, positives=vectors, tokens=tokens, token_vectors=torch.eye(3))
        >>> build_loss("denoise", width=8)(batch).shape
        torch.Size([])
    """

    companions = ("originals",)
    made_for_views = True
    suits_views = "delete:0.6"

    def __init__(
        self, *, width: int = 128, layers: int = 1, length: int = 64, tied: bool = False, seed: int = 0
    ) -> None:
        check = Arguments("denoise")
        super().__init__(check, projector=0, seed=seed)
        self.width = check.count("width", width, at_least=0)
        self.layers = check.count("layers", layers, at_least=1)
        self.length = check.count("length", length, at_least=1)
        self.tied = check.switch("tied", tied)
        self.trains_every_token = "tied: true" if self.tied else ""

    def make_heads(self, dimensions: int) -> Mapping[str, nn.Module]:
        """The decoder."""
        self.width = self.width or dimensions
        return {"decoder": Decoder(dimensions, self.width, self.layers, self.length, self.seed)}

    def prepare_tokens(self, dimensions: int, counts: Tensor) -> None:
        """Create the vocabulary, once, from the dimensions E of token vectors and the frequencies of tokens (V,)."""
        if "vocabulary" not in self.heads:
            self.heads["vocabulary"] = Vocabulary(dimensions, self.width, counts, self.seed + 1)

    def forward(self, batch: EmbeddingBatch) -> Tensor:
        """Mean over tokens, of shape ()."""
        tokens, token_vectors = batch.tokens, batch.token_vectors  # (B, 2, L), (V, E)
        if tokens is None or token_vectors is None:
            raise missing("the tokens of the texts", "tokens=..., token_vectors=...")
        self.prepare_tokens(token_vectors.shape[1], torch.bincount(tokens[tokens >= 0], minlength=len(token_vectors)))
        views = at_least_float32(student_views(batch))  # (V, B, D)
        written = torch.stack([tokens[:, place % 2] for place in range(len(views))])[..., : self.length]  # (V, B, L)
        vocabulary = self._call("vocabulary", token_vectors if self.tied else token_vectors.detach())  # (V, W)
        misses, hits = self._write(views.flatten(0, 1), written.flatten(0, 1), vocabulary)  # (N, L), (N, L)
        real = written.movedim(1, 0).flatten(1) >= 0  # (B, V L)

        def mean(values: Tensor) -> Tensor:
            """Weighted mean of values (N, L): ()."""
            return weighted_mean(values.unflatten(0, written.shape[:2]).movedim(1, 0).flatten(1), batch.weights, real)

        value = mean(misses)
        usual = -self._usual.to(views)[written.clamp(min=0)].flatten(0, 1)  # (N, L)
        self.count(accuracy=mean(hits), saved=mean(usual) - value.detach())
        return value

    def _write(self, vectors: Tensor, tokens: Tensor, vocabulary: Tensor) -> tuple[Tensor, Tensor]:
        """Negative log-likelihood of each token (N, L), in nats, and 1 where it is the likeliest: (N, L) each."""
        ids = tokens.flatten()  # (N L,)
        real = (ids >= 0).nonzero()[:, 0]  # (T,)
        before = functional.embedding(tokens[:, :-1].clamp(min=0), vocabulary)  # (N, L-1, W)
        states = self._call("decoder", vectors, before).flatten(0, 1).index_select(0, real)  # (T, W)
        usual, ids = self._usual.to(states), ids[real]  # (V,), (T,)
        likeliest = _Likeliest(usual, ids)
        total = log_sum(states, vocabulary, likeliest.edit)  # (T,)
        own = (states * functional.embedding(ids, vocabulary)).sum(dim=1) + usual[ids]  # (T,)
        empty = states.new_zeros(tokens.numel())  # (N L,)
        misses, hits = (empty.index_copy(0, real, one).view_as(tokens) for one in (total - own, likeliest.hits))
        return misses, hits

    @property
    def _usual(self) -> Tensor:
        return cast(Vocabulary, self.heads["vocabulary"]).usual  # (V,)

    def _call(self, head: str, *inputs: Tensor) -> Tensor:
        """A head, computed in the precision of its inputs."""
        module, inputs = self.heads[head], tuple(at_least_float32(one) for one in inputs)
        state = {name: value.to(inputs[0]) for name, value in chain(module.named_parameters(), module.named_buffers())}
        result: Tensor = functional_call(module, state, inputs)
        return result


class _Likeliest:
    """Adds token frequencies to logits, tile by tile, and records whether the right token has the largest logit."""

    def __init__(self, usual: Tensor, ids: Tensor) -> None:
        self._usual, self._ids = usual, ids
        self._best = usual.new_full((len(ids),), -torch.inf)  # (T,)
        self.hits = usual.new_zeros(len(ids))  # (T,)

    def edit(self, logits: Tensor, rows: slice, columns: slice, first: bool) -> Tensor:
        """The logits (R, C) of a tile plus the log frequencies."""
        logits = logits + self._usual[columns]  # (R, C)
        if first:
            best, place = logits.max(dim=1)  # (R,), (R,)
            new = best > self._best[rows]  # (R,)
            hit = (place + columns.start == self._ids[rows]).to(self.hits)  # (R,)
            self.hits[rows] = torch.where(new, hit, self.hits[rows])
            self._best[rows] = torch.where(new, best, self._best[rows])
        return logits
