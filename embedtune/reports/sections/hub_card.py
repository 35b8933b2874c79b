"""The model card of a tuned encoder: what it was trained on, how it was tested, and how to repeat it.

It is public once the model is pushed. So it holds counts, names and figures only: no text of the data, no example of a
finding, no path of the machine.
"""

import re
from collections.abc import Iterator, Sequence

import yaml

from embedtune.config.recipe.start import teacher_of
from embedtune.evaluation.metrics import metric_label
from embedtune.reports.document.printable import printable
from embedtune.reports.document.short_names import short_name
from embedtune.reports.results.train import TrainResult

WORD = re.compile(r"[^\s,;()'\"`|]*[/\\][^\s,;()'\"`|]*")
"""A word that may be a path."""


def hub_card(result: TrainResult, card: str, recipe: dict[str, object], base: str | None, licence: str | None) -> str:
    """The card of a finished run.

    Args:
        result: of the run.
        card: the one that the model was saved with: how to use it.
        recipe: options that differ from the defaults, without places.
        base: the Hub name of the encoder that it started from; None if it has none.
        licence: what that encoder's own card declares.
    """
    fields = {key: value for key, value in (("license", licence), ("base_model", base)) if value}
    opening = "---\n" + (yaml.safe_dump(fields, sort_keys=False) if fields else "")
    parts = (_results(result), _guard(result), _data(result), _recipe(recipe, result), _licence(base, licence))
    body = "\n".join(line for part in parts for line in part)
    return card.replace("---\n", opening, 1).rstrip() + f"\n\n{body.rstrip()}\n"


def _results(result: TrainResult) -> Iterator[str]:
    yield from ("## Results", "")
    if result.verdict is None:
        yield from ("It was not tested: the data had no test split.", "")
        return
    yield from (plain(result.verdict.sentence), "")
    if result.metrics:
        yield from (
            "| metric | before | after | difference (95% interval) | verdict |",
            "| --- | ---: | ---: | --- | --- |",
        )
        for test in result.metrics:
            low, high = test["interval"]
            yield (
                f"| {metric_label(test['metric'])} | {test['a']:.3f} | {test['b']:.3f} | "
                f"{test['difference']:+.3f} ({low:+.3f} to {high:+.3f}) | {test['verdict']} |"
            )
        yield ""
    yield _tested_on(result)
    for baseline in result.baselines:
        scores = baseline["metrics_unseen"] or baseline["metrics"]
        shown = ", ".join(f"{metric_label(name)} {value:.3f}" for name, value in scores.items())
        yield f"For comparison, {plain(baseline['model'])} without training: {shown}."
    yield ""


def _tested_on(result: TrainResult) -> str:
    unseen = result.verdict is not None and result.verdict.on == "unseen"
    whose = "whose documents were not trained on" if unseen else "of the test split"
    return (
        f"The figures are of the queries {whose}. The verdict is a paired permutation test over queries; the p-values "
        "of further metrics are adjusted for their number. It holds for data like these and says nothing about others."
    )


def _guard(result: TrainResult) -> Iterator[str]:
    if not result.guard:
        return
    yield from ("## What it could do before", "", "| set | before | after | difference (95% interval) | verdict |")
    yield "| --- | ---: | ---: | --- | --- |"
    for row in result.guard:
        low, high = row["interval"]
        name = f"{plain(row['set'])}, {metric_label(row['metric'])}"
        yield (
            f"| {name} | {row['before']:.3f} | {row['after']:.3f} | "
            f"{row['difference']:+.3f} ({low:+.3f} to {high:+.3f}) | {row['verdict']} |"
        )
    yield ""


def _data(result: TrainResult) -> Iterator[str]:
    yield from ("## Training data", "", *(f"- {plain(sentence)}" for sentence in result.described))
    hashes = result.facts.get("data_sha256") or {}
    yield from (f"- SHA-256 of `{_last(str(name))}`: `{digest}`" for name, digest in hashes.items())
    yield ""


def _recipe(recipe: dict[str, object], result: TrainResult) -> Iterator[str]:
    losses = ", ".join(
        f"{one.name}" + (f" (weight {one.weight:g})" if one.weight != 1 else "") for one in result.losses
    )
    teacher = teacher_of(recipe)
    imitated = f", which imitates {plain(short_name(teacher))}" if teacher else ""
    said = f"{result.steps:,} steps, {result.epochs:g} epochs; loss: {losses}{imitated}. The recipe:"
    yield from ("## Training", "", said, "")
    written = yaml.safe_dump(recipe, sort_keys=False, allow_unicode=True).rstrip()
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", written)), default=0))  # a prompt may hold backticks
    yield from (f"{fence}yaml", written, fence, "")
    versions = result.facts.get("versions") or {}
    if versions:
        yield from ("Versions: " + ", ".join(f"{name} {version}" for name, version in versions.items()) + ".", "")


def _licence(base: str | None, licence: str | None) -> Sequence[str]:
    said = (
        f"`{base or 'The encoder that this one started from'}` is under `{licence}`."
        if licence
        else ("The licence of the encoder that this one started from is not known here.")
    )
    return ("## Licence", "", f"{said} Whether the training data allow more or less, only their owner can say.")


def plain(text: str) -> str:
    """A sentence without the folders of paths in it, and without what Markdown and HTML would act on.

    >>> plain("read 48 pairs from /home/kim/secret/pairs.jsonl | <b>")
    'read 48 pairs from pairs.jsonl \\\\| &lt;b>'
    """
    return (
        re.sub(r"([|\\`*_\[\]])", r"\\\1", without_folders(printable(text))).replace("&", "&amp;").replace("<", "&lt;")
    )


def without_folders(text: str) -> str:
    """Text in which a path is only its last part. Names with one slash, such as owner/model, and addresses stay.

    >>> without_folders("/data/a.csv, runs/first/model and intfloat/e5-small")
    'a.csv, model and intfloat/e5-small'
    """
    return WORD.sub(lambda found: _last_of(found[0]), text)


def _last_of(word: str) -> str:
    parts = re.split(r"[/\\]", word.rstrip("/\\"))
    is_path = word[0] in "/\\~." or word[1:2] == ":" or len(parts) > 2
    return parts[-1] if is_path and "://" not in word else word


def _last(name: str) -> str:
    return re.split(r"[/\\]", name.rstrip("/\\"))[-1].replace("`", "'")
