"""Writes a text from its single vector: a vocabulary and a small causal decoder, the heads of `denoise`.

Everything has the decoder's width, so that the encoder's token vectors are projected once per batch, not per token.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from embedtune.losses.shared.vectors import unit

MOST_HEADS_OF = 64
"""Dimensions of an attention head, where the width is divisible by it."""
FIRST_GAIN = 0.1
"""Initial gain of the output: at 1, each position would almost certainly repeat its input token."""


class Vocabulary(nn.Module):
    """The decoder's input and output embeddings, projected from the encoder's own token vectors.

    Args:
        dimensions: E, of the encoder's token vectors.
        width: W, of the decoder.
        counts: (V,) how often each token occurs; predictions start from these frequencies.
        seed: of the initial weights.
    """

    usual: Tensor

    def __init__(self, dimensions: int, width: int, counts: Tensor, seed: int) -> None:
        super().__init__()
        self.into = nn.Parameter(_drawn((width, dimensions), torch.Generator().manual_seed(seed)))
        self.gain = nn.Parameter(torch.ones(width))
        seen = counts.float() + 1
        self.register_buffer("usual", (seen / seen.sum()).log())  # (V,)

    def forward(self, token_vectors: Tensor) -> Tensor:
        """(V, E) -> (V, W)."""
        return functional.layer_norm(token_vectors @ self.into.T, self.gain.shape, self.gain)  # (V, W)


class Decoder(nn.Module):
    """Predicts each token of a text from the tokens before it and the text's vector.

    Attention over a single vector always has a weight of 1, so cross-attention reduces to a linear map of that vector,
    added at every position; each layer has its own.

    Args:
        dimensions: D, of the sentence vectors.
        width: W.
        layers: their number.
        length: L, most tokens of a text.
        seed: of the initial weights.
    """

    def __init__(self, dimensions: int, width: int, layers: int, length: int, seed: int) -> None:
        super().__init__()
        heads = max(number for number in range(1, 1 + max(1, width // MOST_HEADS_OF)) if width % number == 0)
        with torch.random.fork_rng(devices=[]):  # weights are drawn again below
            self.layers = nn.ModuleList(
                nn.TransformerEncoderLayer(
                    width, heads, 4 * width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
                )
                for _ in range(layers)
            )
        self.told = nn.ParameterList(torch.empty(width, dimensions) for _ in range(layers))
        self.start = nn.Parameter(torch.zeros(1, width))
        self.places = nn.Parameter(torch.empty(length, width))
        self.last = nn.LayerNorm(width)
        draw = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for name, parameter in self.named_parameters():
                if parameter.dim() > 1 and name != "start":
                    parameter.copy_(_drawn(parameter.shape, draw))
                elif name.endswith("bias"):
                    parameter.zero_()
            self.last.weight.fill_(FIRST_GAIN)

    def forward(self, vectors: Tensor, before: Tensor) -> Tensor:
        """The output at each position, to be multiplied with the vocabulary: (N, L, W).

        Args:
            vectors: (N, D), of which only the directions matter, as in a cosine.
            before: (N, L-1, W) every token except the last one.
        """
        size, (_, length, width) = vectors.shape[-1], before.shape
        told = unit(vectors) * size**0.5  # (N, D)
        start = self.start.expand(len(vectors), 1, width)  # (N, 1, W)
        found = torch.cat([start, before], dim=1) + self.places[: length + 1]  # (N, L, W)
        mask = nn.Transformer.generate_square_subsequent_mask(length + 1, device=found.device, dtype=found.dtype)
        for layer, weight in zip(self.layers, self.told, strict=True):
            found = layer(found + (told @ weight.T)[:, None], src_mask=mask, is_causal=True)  # (N, L, W)
        return self.last(found) * width**-0.5  # (N, L, W)


def _drawn(shape: tuple[int, ...], draw: torch.Generator) -> Tensor:
    """Initial weights (out, in): products with inputs of variance 1 have variance 1."""
    return torch.randn(shape, generator=draw) * shape[-1] ** -0.5
