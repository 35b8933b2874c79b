"""The modules of a signal tower, made of transformers' own wav2vec2 classes.

sentence-transformers refuses modules of other packages unless it may run foreign code. wav2vec2 is a stack of
convolutions and a transformer whose sizes are free, so a tower of any kind is a configuration of it, and its folder
loads anywhere without trust. Rejected: a module of our own, which a second save would break for good (Router saves no
code).
"""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from embedtune.models.files.quiet import quiet_libraries
from embedtune.models.towers.signal_input import SignalInput

HIDDEN = 128
CONVOLUTIONS = {"conv_dim": (16, 32, 64, 64), "conv_kernel": (64, 16, 8, 4), "conv_stride": (8, 2, 2, 2)}
PATCH, PATCH_LAYERS, PATCH_HEADS = 64, 2, 4


def signal_modules(tower: SignalInput, dimensions: int, seed: int) -> list[Any]:
    """The modules of a tower with random weights: wav2vec2, pooling over time, and a projection.

    Args:
        tower: what it reads.
        dimensions: of its vectors.
        seed: of the weights.
    """
    import torch
    from sentence_transformers.base.modules import Dense, Transformer
    from sentence_transformers.sentence_transformer.modules import Pooling

    with TemporaryDirectory() as folder, torch.random.fork_rng(devices=[]), quiet_libraries():
        torch.manual_seed(seed)
        _write(tower, Path(folder))
        # Named, or the processor warns at every batch that it cannot know the rate.
        reader = Transformer(folder, processing_kwargs={"audio": {"sampling_rate": _rate(tower)}})
        if tower.is_linear:
            _start_small(reader)
        pooling = Pooling(HIDDEN, pooling_mode=("mean",) if tower.is_linear else ("mean", "max"))
        size = pooling.get_embedding_dimension()
        return [reader, pooling, Dense(size, dimensions, activation_function=torch.nn.Identity())]


def _start_small(reader: Any) -> None:
    """Draw the first layer's weights as torch does for a linear layer, less than half as large as wav2vec2's own.

    A layer norm follows, so the output is of the same size; but steps of training move it further, and less of the
    random start is left in what it ends with.
    """
    reader.model.feature_extractor.conv_layers[0].conv.reset_parameters()


def fewest_samples(tower: SignalInput) -> int:
    """The samples of the shortest signal that gives a vector."""
    if tower.is_linear:
        return 2
    if tower.kind == "patch":
        return PATCH
    steps, seen = 1, 1
    for kernel, stride in zip(CONVOLUTIONS["conv_kernel"], CONVOLUTIONS["conv_stride"], strict=True):
        seen, steps = seen + (kernel - 1) * steps, steps * stride
    return seen


def _config(tower: SignalInput) -> dict[str, Any]:
    channels = tower.channels
    if tower.is_linear:
        sizes: dict[str, Any] = {"conv_dim": (HIDDEN,), "conv_kernel": (tower.length,), "conv_stride": (tower.length,)}
        return sizes | {"num_hidden_layers": 0, "feat_extract_norm": "layer"}
    if tower.kind == "patch":
        size = PATCH * channels
        sizes = {"conv_dim": (HIDDEN,), "conv_kernel": (size,), "conv_stride": (size // 2,)}
        return sizes | {"num_hidden_layers": PATCH_LAYERS, "feat_extract_norm": "layer"}
    first = {
        name: (CONVOLUTIONS[name][0] * channels, *CONVOLUTIONS[name][1:]) for name in ("conv_kernel", "conv_stride")
    }
    return {**CONVOLUTIONS, **first, "num_hidden_layers": 0, "feat_extract_norm": "group"}


def _write(tower: SignalInput, folder: Path) -> None:
    """A folder of transformers: the configuration, random weights, and a processor that takes arrays."""
    from transformers import (
        Wav2Vec2Config,
        Wav2Vec2CTCTokenizer,
        Wav2Vec2FeatureExtractor,
        Wav2Vec2Model,
        Wav2Vec2Processor,
    )

    sizes = _config(tower)
    dropouts = ("hidden_dropout", "activation_dropout", "attention_dropout", "feat_proj_dropout", "final_dropout")
    config = Wav2Vec2Config(
        hidden_size=HIDDEN,
        intermediate_size=2 * HIDDEN,
        num_attention_heads=PATCH_HEADS,
        num_feat_extract_layers=len(sizes["conv_dim"]),
        conv_bias=True,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=16,
        apply_spec_augment=False,
        layerdrop=0.0,
        **dict.fromkeys(dropouts, 0.0),
        **sizes,
    )
    Wav2Vec2Model(config).save_pretrained(folder)
    # The processor wants a tokenizer, which nothing uses.
    (folder / "vocab.json").write_text(json.dumps({"<pad>": 0, "<unk>": 1}), encoding="utf-8")
    tokenizer = Wav2Vec2CTCTokenizer(
        str(folder / "vocab.json"), pad_token="<pad>", unk_token="<unk>", bos_token=None, eos_token=None
    )
    extractor = Wav2Vec2FeatureExtractor(
        feature_size=1,
        sampling_rate=_rate(tower),
        do_normalize=not tower.is_linear,
        return_attention_mask=False,
    )
    Wav2Vec2Processor(extractor, tokenizer).save_pretrained(folder)


def _rate(tower: SignalInput) -> int:
    return round(tower.rate_hz or 16_000)
