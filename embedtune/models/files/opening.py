"""Opens a model folder with sentence-transformers, and says what its libraries only whisper.

In this order: what they warned about while loading (missing weights make an error), adapters, which are merged at once,
and what a model that loaded may still lack: a vocabulary, a padding token, an input for texts.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedtune.config.sections.encoder import ModelSection
from embedtune.errors import EmbedtuneError, ModelError, reason_of
from embedtune.models.files.adapters import demand_peft, has_lora, merge_lora
from embedtune.models.files.load_report import LoadReport, demand_all_weights, left_out, remarks
from embedtune.models.files.quiet import quiet_libraries
from embedtune.models.folders.contents import ModelFolder
from embedtune.models.folders.family import architectures
from embedtune.models.folders.static_folder import is_model2vec, read_model2vec
from embedtune.models.reading import readers_of
from embedtune.models.sources.on_hub import offline
from embedtune.models.sources.resolve import Resolved, check_folder, resolve

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

MOST_SAID = 300
"""Characters of what a library says."""
COPY_AGAIN = "copy the model again: settings and weights must be of the same model"
_MISFIT = re.compile(r"Error\(s\) in loading state_dict for (\w+):\s*(.*)", re.DOTALL)
RENAMED = "_weight_conversions"
"""Where transformers keeps how it renamed weights while loading, to undo that while saving."""


def open_encoder(found: Resolved, section: ModelSection, device: str) -> tuple["SentenceTransformer", list[str]]:
    """The encoder of a folder or of the Hub, in float32, and sentences about it for the user.

    Raises:
        ModelError: it cannot be loaded, or only with weights, layers or a vocabulary missing.
    """
    fetch_described(found, section)
    folder = None if found.path is None else ModelFolder(found.path)
    if folder is not None and folder.modules is None and folder.adapter is not None:
        return _open_adapter(found, folder, section, device)
    model, heard = _loaded(found, folder, section, device)
    report = LoadReport.read(heard)
    demand_all_weights(report, found.name, "model", model.transformers_model, pooler=_uses_pooler(model))
    notes = remarks(heard, found.name)
    if has_lora(model):
        notes.append(_merge(model, found.name, (folder.adapter if folder else None) or {}))
    _demand_texts(model, found.name, plain=folder is not None and folder.modules is None)
    notes += _plain_note(found, folder, model, report)
    for reader in readers_of(model):
        notes += give_padding(reader.tokenizer, getattr(reader, "config", model.config), found.name)
    return model, notes


def fetch_described(found: Resolved, section: ModelSection, *, pairs: bool = False) -> None:
    """Download what describes a Hub model that is not on this machine yet, and check it before anything is run.

    Raises:
        ModelError: the model may not be loaded.
    """
    if found.path is None and found.repository is not None:
        from huggingface_hub import snapshot_download

        with quiet_libraries():
            try:
                place = snapshot_download(found.repository, allow_patterns=["*.json", "README.md"])
            except Exception as error:  # a network can fail in too many ways to list
                raise ModelError(
                    f"{found.name} cannot be downloaded: {reason_of(error)}", where="model", next="check the network"
                ) from error
        check_folder(Path(place), section, pairs=pairs, whole=False)


def cannot_load(found: Resolved, error: Exception, heard: Sequence[str], how: str = "") -> ModelError:
    """The error for whatever the libraries raised; weights of other shapes are named, which they only log."""
    report = LoadReport.read(heard)
    try:
        demand_all_weights(report, found.name, "model", None, pooler=True)
    except ModelError as known:
        return known
    if misfit := _MISFIT.match(str(error)):
        # torch lists one kind of misfit per line.
        listed = "; ".join(line.strip().rstrip(". ") for line in misfit[2].splitlines())
        return ModelError(
            f"the weights of {found.name} do not fit the settings of its {misfit[1]} module: {listed[:MOST_SAID]}",
            where="model",
            next=f"look at the folder of that module; {COPY_AGAIN}",
        )
    return ModelError(
        f"{found.name} cannot be loaded{how}: {_reason(error)}",
        where="model",
        next=f"check that `SentenceTransformer({str(found.path or found.name)!r})` loads it",
    )


def _reason(error: Exception) -> str:
    if isinstance(error, KeyError) and error.args:
        return f"one of its files has no entry {error.args[0]!r}; {COPY_AGAIN}"
    # What a model requires of installed packages is a list, one per line.
    return " ".join(str(error).split())[:MOST_SAID] if isinstance(error, ImportError) else reason_of(error)


def _loaded(
    found: Resolved, folder: ModelFolder | None, section: ModelSection, device: str
) -> tuple["SentenceTransformer", list[str]]:
    """The model as the libraries load it, and what they warned about."""
    with quiet_libraries() as heard:
        import torch
        from sentence_transformers import SentenceTransformer

        try:
            if folder is not None and is_model2vec(folder):
                return read_model2vec(folder).to(device), heard
            model = SentenceTransformer(
                str(found.path or found.name),
                device=device,
                trust_remote_code=section.trust_remote_code,
                local_files_only=found.path is not None or offline(),
                model_kwargs={"use_safetensors": not section.allow_pickle or None, "dtype": torch.float32},
            )
            # Whatever type the file has: training needs float32 weights, and the trainer decides on mixed precision.
            return model.float(), heard
        except EmbedtuneError:
            raise
        except Exception as error:  # whatever a damaged or foreign model makes the libraries raise
            raise cannot_load(found, error, heard) from error


def _open_adapter(
    found: Resolved, folder: ModelFolder, section: ModelSection, device: str
) -> tuple["SentenceTransformer", list[str]]:
    """The model that an adapter was trained on, with its own pooling and prompts, and the adapter merged into it."""
    demand_peft()
    adapter = folder.adapter or {}
    base = section.model_copy(update={"name": str(adapter["base_model_name_or_path"])})
    model, notes = open_encoder(resolve(base, base=True), base, device)
    names = getattr(model.transformers_model, RENAMED, None)
    with quiet_libraries() as heard:
        try:
            model.load_adapter(str(folder.path))
        except Exception as error:  # whatever a damaged or foreign adapter makes the libraries raise
            raise cannot_load(found, error, heard) from error
    report = LoadReport.read(heard)
    demand_all_weights(report, found.name, "model", model.transformers_model, pooler=True)
    # The head of a language model predicts words; no vector depends on it.
    strange = tuple(key for key in report.unexpected if "lm_head" not in key.split("."))
    if strange:
        raise ModelError(
            f"the adapter {found.name} has weights for layers that {base.name} does not have: "
            f"{left_out(LoadReport(unexpected=strange))}",
            where="model",
            next="name the model that it was trained on in base_model_name_or_path of its adapter_config.json",
        )
    return model, [*notes, *remarks(heard, found.name), _merge(model, found.name, adapter, names)]


def _merge(model: "SentenceTransformer", name: str, adapter: dict[str, Any], names: object = None) -> str:
    """Merge an adapter that was loaded, so that training trains every weight, and saving saves a whole model.

    `names` is how the model's own weights were renamed when it was loaded; None: as its architecture asks for.
    """
    merge_lora(model)
    model.requires_grad_(True)
    # Loading the adapter replaced it by the adapter's own, whose prefix saving would then put before every weight.
    setattr(model.transformers_model, RENAMED, names)
    return (
        f"{name} is an adapter, merged into the model {adapter.get('base_model_name_or_path', 'that it was made for')}"
    )


def _uses_pooler(model: "SentenceTransformer") -> bool:
    """Whether a vector comes from the pooler of the transformer, and not from its tokens."""
    outputs = [
        text.get("method_output_name")
        for part in model.modules()
        for text in [(getattr(part, "modality_config", None) or {}).get("text") or {}]
    ]
    return any(isinstance(output, str) and "pooler" in output for output in outputs)


def _demand_texts(model: "SentenceTransformer", name: str, *, plain: bool) -> None:
    """Refuse a model that takes no texts, whose tokenizer knows no words, or whose table has too few rows."""
    if not model.supports("text"):
        kind = type(model.transformers_model).__name__
        reads = " and ".join(map(str, model.modalities))
        raise ModelError(
            f"{name} reads {reads}, and no text"
            if reads
            else f"sentence-transformers knows no way to make vectors of texts with {name} ({kind})",
            where="model",
            next="name an encoder that was saved by sentence-transformers",
        )
    if plain and getattr(model.config, "is_encoder_decoder", False) and hasattr(model.transformers_model, "decoder"):
        raise ModelError(
            f"{name} is an encoder-decoder ({type(model.transformers_model).__name__}) whose encoder "
            "sentence-transformers cannot take alone; its vectors would come from its decoder",
            where="model",
            next="name an encoder, such as BERT or XLM-R, or a T5",
        )
    vocabulary = model.tokenizer.get_vocab() if hasattr(model.tokenizer, "get_vocab") else {}
    if not isinstance(vocabulary, dict) or not vocabulary:
        return
    if set(vocabulary) <= set(getattr(model.tokenizer, "all_special_tokens", ())):
        raise ModelError(
            f"the tokenizer of {name} has no vocabulary, only {len(vocabulary)} special tokens",
            where="model",
            next="copy the tokenizer too: tokenizer.json, or vocab.txt, or the .model file of SentencePiece",
        )
    rows = _token_rows(model)
    beyond = sorted((number, token) for token, number in vocabulary.items() if rows is not None and number >= rows)
    if beyond:
        raise ModelError(
            f"the tokenizer of {name} has {len(beyond):,} tokens for which the model has no vector, such as "
            f"{beyond[0][1]!r}: its table has {rows:,} rows",
            where="model",
            next="copy tokenizer and weights from the same model; after adding tokens, resize_token_embeddings",
        )


def _token_rows(model: "SentenceTransformer") -> int | None:
    """The number of rows of the table of token vectors; None where there is not just one."""
    transformer = model.transformers_model
    try:
        table = getattr(model[0], "embedding", None) if transformer is None else transformer.get_input_embeddings()
    except (AttributeError, NotImplementedError):  # of models that read more than texts
        return None
    rows = getattr(table, "num_embeddings", None)
    return rows if isinstance(rows, int) else None


def give_padding(tokenizer: Any, config: Any, name: str) -> list[str]:
    """Let a special token pad where a tokenizer has none for that, as decoders do not; returns a note if it did.

    Padding is masked, so that its token changes no vector.

    Raises:
        ModelError: there is no special token either.
    """
    if not hasattr(tokenizer, "pad_token") or tokenizer.pad_token is not None:
        return []
    token = next((one for one in (tokenizer.eos_token, tokenizer.unk_token, tokenizer.bos_token) if one), None)
    if token is None:
        raise ModelError(
            f"the tokenizer of {name} has no token to pad texts with, and no special token that could take its place",
            where="model",
            next="set pad_token in its tokenizer_config.json",
        )
    tokenizer.pad_token = token
    if config is not None and getattr(config, "pad_token_id", None) is None:
        config.pad_token_id = tokenizer.pad_token_id
    return [f"{name} has no padding token; {token!r} pads its batches, and is masked"]


def _plain_note(
    found: Resolved, folder: ModelFolder | None, model: "SentenceTransformer", report: LoadReport
) -> list[str]:
    """What was made of a transformers checkpoint, and which of its parts are not used."""
    left = left_out(report)
    unused = f"; these weights are left out: {left}" if left else ""
    if folder is None or folder.modules is not None or is_model2vec(folder):
        return [f"{found.name} has weights that are not used: {left}"] if left else []
    mode = getattr(model[-1], "pooling_mode", None) or "its own"
    kind = (architectures(folder) or ["of no named kind"])[0]
    note = f"{found.name} is a plain transformers model ({kind}); {mode} pooling turns its tokens into one vector"
    decoder = "; its decoder is left out" if folder.config.get("is_encoder_decoder") else ""
    return [note + decoder + unused]
