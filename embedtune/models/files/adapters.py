"""LoRA through PEFT: small matrices trained instead of the weights, added after loading, merged before saving."""

import importlib.util
from collections.abc import Iterator
from typing import TYPE_CHECKING

from embedtune.config.sections.encoder import Lora
from embedtune.errors import ConfigError, ModelError
from embedtune.models.encoder import has_towers

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch.nn import Module
    from transformers import PreTrainedModel

ADAPTED = "_hf_peft_config_loaded"
"""What transformers sets in a model that has adapters."""


def add_lora(model: "SentenceTransformer", lora: Lora, seed: int, side: str | None = None) -> None:
    """Freeze the model and add trainable low-rank matrices, in place.

    Source: Hu et al. 2021 (arXiv:2106.09685).

    Args:
        model: an encoder, or a Router of two.
        lora: the matrices.
        seed: of their first values.
        side: of a Router: whose encoder it is, query or document.

    Raises:
        ConfigError: PEFT is not installed, or the model has no layers with these names.
    """
    demand_peft("LoRA", "model.lora")
    if has_towers(model) and side is None:
        raise ConfigError(
            "LoRA adapts one transformer, and this model reads queries and documents with different modules",
            where="model.lora",
            next="leave model.lora out",
        )
    found = list(_transformers_of(model if side is None else model[0].sub_modules[side]))
    if not found:
        raise ConfigError("a static encoder has no layers for LoRA", where="model.lora", next="leave model.lora out")
    import torch
    from peft import LoraConfig, TaskType

    config = LoraConfig(
        task_type=TaskType.FEATURE_EXTRACTION,
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=lora.targets,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            found[0].add_adapter(config)
        except ValueError as error:
            layers = sorted(
                {name.rsplit(".", 1)[-1] for name, part in model.named_modules() if hasattr(part, "weight")}
            )
            raise ConfigError(
                f"LoRA found no layer named {lora.targets!r}; the model's layers are {', '.join(layers)}",
                where="model.lora.targets",
            ) from error


def can_adapt(model: "SentenceTransformer") -> bool:
    """Whether adapters can be added to the model here."""
    installed = importlib.util.find_spec("peft") is not None
    return installed and not has_towers(model) and bool(model.has_peft_compatible_model())


def demand_peft(what: str = "a model folder with an adapter", where: str = "model") -> None:
    """Refuse to go on without PEFT.

    Raises:
        ConfigError: it is not installed.
    """
    if importlib.util.find_spec("peft") is None:
        raise ConfigError(f"{what} needs the package peft", where=where, next="pip install 'embedtune[lora]'")


def has_lora(model: "SentenceTransformer") -> bool:
    """Whether the model has adapters that are not merged into its weights yet."""
    return any(getattr(one, ADAPTED, False) for one in _transformers_of(model))


def merge_lora(model: "SentenceTransformer") -> None:
    """Merge adapters into the weights they adapt and remove them, in place.

    Raises:
        ModelError: the adapter is of a kind that cannot become part of the weights, such as learned prompts.
    """
    from peft.tuners.tuners_utils import BaseTunerLayer
    from peft.utils.other import AuxiliaryTrainingWrapper, ModulesToSaveWrapper

    layers = [(name, layer) for name, layer in model.named_modules() if isinstance(layer, BaseTunerLayer)]
    whole = [(name, part) for name, part in model.named_modules() if isinstance(part, ModulesToSaveWrapper)]
    kinds = {type(part) for part in model.modules() if isinstance(part, AuxiliaryTrainingWrapper)}
    if not (layers or whole) or kinds - {ModulesToSaveWrapper}:
        raise ModelError(
            "the adapter of this model cannot be merged into its weights",
            where="model",
            next="merge it where it was made, and name the folder of the merged model",
        )
    for name, layer in layers:
        layer.merge(safe_merge=True)
        parent, _, attribute = name.rpartition(".")
        setattr(model.get_submodule(parent), attribute, layer.get_base_layer())
    for name, part in whole:
        parent, _, attribute = name.rpartition(".")
        setattr(model.get_submodule(parent), attribute, part.modules_to_save[part.active_adapter])
    # Otherwise transformers would save an adapter instead of the model.
    for transformer in _transformers_of(model):
        if getattr(transformer, ADAPTED, False):
            setattr(transformer, ADAPTED, False)
            del transformer.peft_config


def _transformers_of(model: "Module") -> "Iterator[PreTrainedModel]":
    """The transformers in a model, those within another one left out: two of a Router, otherwise one or none."""
    from transformers import PreTrainedModel

    for part in model.children():
        if isinstance(part, PreTrainedModel):
            yield part
        else:
            yield from _transformers_of(part)
