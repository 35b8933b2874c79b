"""LoRA through PEFT: small matrices trained instead of the weights, added after loading, merged before saving."""

import importlib.util
from typing import TYPE_CHECKING

from embedtune.config.sections.encoder import Lora
from embedtune.errors import ConfigError, ModelError
from embedtune.models.encoder import has_towers

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


def add_lora(model: "SentenceTransformer", lora: Lora, seed: int) -> None:
    """Freeze the model and add trainable low-rank matrices, in place.

    Source: Hu et al. 2021 (arXiv:2106.09685).

    Raises:
        ConfigError: PEFT is not installed, or the model has no layers with these names.
    """
    demand_peft("LoRA", "model.lora")
    if not model.has_peft_compatible_model():
        raise ConfigError("a static encoder has no layers for LoRA", where="model.lora", next="leave model.lora out")
    if has_towers(model):
        raise ConfigError(
            "LoRA adapts one transformer, and this model reads queries and documents with different modules",
            where="model.lora",
            next="leave model.lora out",
        )
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
            model.add_adapter(config)
        except ValueError as error:
            layers = sorted(
                {name.rsplit(".", 1)[-1] for name, part in model.named_modules() if hasattr(part, "weight")}
            )
            raise ConfigError(
                f"LoRA found no layer named {lora.targets!r}; the model's layers are {', '.join(layers)}",
                where="model.lora.targets",
            ) from error


def demand_peft(what: str = "a model folder with an adapter", where: str = "model") -> None:
    """Refuse to go on without PEFT.

    Raises:
        ConfigError: it is not installed.
    """
    if importlib.util.find_spec("peft") is None:
        raise ConfigError(f"{what} needs the package peft", where=where, next="pip install 'embedtune[lora]'")


def has_lora(model: "SentenceTransformer") -> bool:
    """Whether the model has adapters that are not merged into its weights yet."""
    return bool(getattr(model.transformers_model, "_hf_peft_config_loaded", False))


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
    transformer = model.transformers_model
    transformer._hf_peft_config_loaded = False
    del transformer.peft_config
