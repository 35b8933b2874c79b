"""What a model may do only if the user allows it: open its weights as a pickle, and run code of its own."""

from collections.abc import Collection, Iterable
from pathlib import PurePosixPath

from embedtune.config.sections.encoder import ModelSection
from embedtune.errors import ModelError
from embedtune.models.folders.contents import ModelFolder
from embedtune.models.folders.family import is_openvino, other_weights

PICKLES = (".bin", ".pt", ".pth", ".pkl", ".ckpt")


def pickled_weights(files: Iterable[str]) -> list[str]:
    """The weight files of a model that would be opened as a pickle: those without safetensors next to them.

    >>> pickled_weights(["model.safetensors", "training_args.bin", "2_Dense/pytorch_model.bin"])
    ['2_Dense/pytorch_model.bin']
    """
    paths = [PurePosixPath(file) for file in files if not is_openvino(file)]
    safe = {path.parent for path in paths if path.suffix == ".safetensors"}
    pickles = [path for path in paths if path.suffix in PICKLES and path.parent not in safe]
    # With safetensors elsewhere, only files with the name that libraries look for are weights.
    return sorted(str(path) for path in pickles if not safe or path.name.startswith("pytorch_model"))


def check_weights(name: str, files: Collection[str], section: ModelSection) -> None:
    """Refuse a model without weights, or with weights that would be opened as a pickle, unless that is allowed.

    Args:
        name: of the model.
        files: paths in its folder.
        section: what the user allows it to do.

    Raises:
        ModelError: names the file, and the option that allows it.
    """
    pickles = pickled_weights(files)
    if pickles and not section.allow_pickle:
        permission = section.permission("allow_pickle")
        raise ModelError(
            f"{name} keeps weights only as pickle ({pickles[0]}), which can run code when opened; "
            f"that needs {permission}",
            where="model",
            next=f"choose a model that has model.safetensors, convert this one, or trust it with {permission}",
        )
    if not pickles and not any(file.endswith(".safetensors") for file in files):
        other = other_weights(files)
        raise ModelError(
            f"{name} describes a model but holds no weights (*.safetensors)"
            + (f"; it has weights for {other}, which cannot be trained or read here" if other else ""),
            where="model",
            next="name the model that they were converted from" if other else "copy or download the whole model again",
        )


def check_code(model: ModelFolder, section: ModelSection) -> None:
    """Refuse a model with modules of its own, unless its code may be run.

    Raises:
        ModelError: names them, and the option that allows it.
    """
    foreign = [one["type"] for one in model.modules or () if not one["type"].startswith("sentence_transformers.")]
    if foreign:
        raise ModelError(
            f"{model.path} needs its own code ({', '.join(foreign)})",
            where="model",
            next=f"read that code, then trust it with {section.permission('trust_remote_code')}",
        )
