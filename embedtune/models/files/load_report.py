"""What a library says while it loads a model: weights that are missing, left over or of another shape, and the rest.

transformers gives weights that a checkpoint lacks random values and says so in a log line, its load report. Two
encodings of one text then differ from process to process. That is an error here. The report is read, and not the
library's internals, because it is what users of the library see, and it has kept its form.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from embedtune.errors import ModelError

if TYPE_CHECKING:
    from torch import nn

NAMED = 4
"""Most names of weights in a message."""
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_ROW = re.compile(r"^(\S.*?)\s*\|\s*(MISSING|UNEXPECTED|MISMATCH|CONVERSION)\b\s*\|?\s*(.*?)[\s|]*$")
_NUMBERS = re.compile(r"\{[^}]*\}|(?<![^.])\d+(?![^.])")
_WRAPPERS = {
    "_orig_mod.": "torch.compile adds it; save the model that was compiled (`model._orig_mod`)",
    "module.": "DataParallel adds it; save the model inside the wrapper (`model.module`)",
    "base_model.model.": "PEFT adds it; save `model.merge_and_unload()`",
}
_SHAPES = re.compile(r"ckpt: \S*?Size\(([^)]*)\) vs model:\s*\S*?Size\(([^)]*)\)")
_HARMLESS = re.compile(r"deprecat|No sentence-transformers model found", re.IGNORECASE)


@dataclass(frozen=True)
class LoadReport:
    """The weights that a checkpoint and the model built from its configuration do not share.

    Names are as transformers writes them: numbers of layers are joined, as in `encoder.layer.{0, 1}.output`.

    Args:
        missing: the model has them and the checkpoint does not, so they are random.
        unexpected: the checkpoint has them and the model does not.
        mismatched: they are of another shape, with what is said about it.
    """

    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    mismatched: tuple[str, ...] = ()

    @staticmethod
    def read(heard: Iterable[str]) -> "LoadReport":
        """Collect the rows of all load reports among log messages.

        >>> LoadReport.read(["BertModel LOAD REPORT from: m\\nKey | Status | \\n----\\na.b | MISSING | \\n"]).missing
        ('a.b',)
        """
        rows: dict[str, list[str]] = {"MISSING": [], "UNEXPECTED": [], "MISMATCH": [], "CONVERSION": []}
        for message in heard:
            if is_load_report(message):
                for line in _COLOURS.sub("", message).splitlines():
                    if found := _ROW.match(line):
                        key, status, detail = found.groups()
                        shapes = _SHAPES.search(detail)
                        said = f" (file: {shapes[1]}, config.json: {shapes[2]})" if shapes else ""
                        rows[status].append(key + said)
        # Sorted, because the library's order changes from process to process.
        return LoadReport(*(tuple(sorted(rows[status])) for status in ("MISSING", "UNEXPECTED", "MISMATCH")))


def is_load_report(message: str) -> bool:
    """Whether a log message is transformers' table of weights that do not fit."""
    return "LOAD REPORT" in message


def demand_all_weights(report: LoadReport, name: str, where: str, model: "nn.Module | None", *, pooler: bool) -> None:
    """Refuse a model some of whose weights would be random, or some of whose layers would be left out.

    Args:
        report: what transformers said while it loaded.
        name: as the user named the model.
        where: the option or key.
        model: what was loaded; None if that failed.
        pooler: whether vectors depend on the weights of the pooler.

    Raises:
        ModelError: names the weights and says what would help.
    """
    missing = [key for key in report.missing if pooler or "pooler" not in key.split(".")]
    if missing:
        prefix = _prefix(missing, report.unexpected)
        there = f"; the file has them under names that begin with {prefix!r}" if prefix else ""
        raise ModelError(
            f"{name} lacks weights that its configuration describes, and random ones would take their place: "
            f"{_some(missing)}{there}",
            where=where,
            next=_advice(prefix, report.unexpected),
        )
    if report.mismatched:
        raise ModelError(
            f"the weights of {name} do not fit its config.json: {_some(report.mismatched)}",
            where=where,
            next="config.json and weights are of two models; copy both from the same one",
        )
    beyond = [key for key in report.unexpected if model is not None and _is_further_layer(key, model)]
    if beyond:
        raise ModelError(
            f"{name} holds layers that its config.json does not count, and they would be left out: {_some(beyond)}",
            where=where,
            next="correct the number of layers in config.json, or copy it from the same model as the weights",
        )


def left_out(report: LoadReport) -> str:
    """The parts of a checkpoint that the loaded model does not use, by the start of their names; "" if there are none.

    >>> left_out(LoadReport(unexpected=("cls.predictions.bias", "cls.predictions.decoder.bias", "bert.pooler.bias")))
    'cls.predictions'
    """
    names = [key.split(".") for key in report.unexpected]
    return _some(list(dict.fromkeys(".".join(parts[:2]) for parts in names if "pooler" not in parts)))


def remarks(heard: Iterable[str], name: str) -> list[str]:
    """The other warnings, for the user: a setting that is ignored may change every vector."""
    said = (message.strip().splitlines() for message in heard if not is_load_report(message))
    lines = (_COLOURS.sub("", lines[0])[:300] for lines in said if lines and not _HARMLESS.search(lines[0]))
    return [f"{name}: while it was loaded, the library warned: {line}" for line in dict.fromkeys(lines)]


def _prefix(missing: Sequence[str], unexpected: Sequence[str]) -> str:
    """What stands in front of most of the missing names among the unexpected ones; "" if nothing does."""
    prefixes = Counter(
        long.removesuffix(short) for short in missing for long in unexpected if long.endswith(f".{short}")
    )
    return prefixes.most_common(1)[0][0] if prefixes else ""


def _advice(prefix: str, unexpected: Sequence[str]) -> str:
    if any(".lora_" in key or ".base_layer." in key for key in unexpected):
        return "the file holds an adapter that was not merged; save `model.merge_and_unload()` of PEFT"
    if prefix:
        known = next((text for wrapper, text in _WRAPPERS.items() if prefix.endswith(wrapper)), None)
        return f"rename the weights without the prefix{f': {known}' if known else ''}"
    return "copy the model again from where it came from; config.json and weights must be of the same model"


def _is_further_layer(key: str, model: "nn.Module") -> bool:
    """Whether the model has the same weight in layers of other numbers."""
    base = f"{getattr(model, 'base_model_prefix', '')}."
    patterns = {_NUMBERS.sub("*", name) for name in model.state_dict()}
    pattern = _NUMBERS.sub("*", key.removeprefix(base))
    return "*" in pattern and pattern in patterns


def _some(keys: Sequence[str]) -> str:
    rest = f" and {len(keys) - NAMED} more" if len(keys) > NAMED else ""
    return ", ".join(keys[:NAMED]) + rest
