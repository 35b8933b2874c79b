"""embedtune from Python: a function per verb, with the verb's options as keyword arguments.

`given` is what its command takes without a name: a recipe (a file or a built-in name) and `key=value` strings. Instead
of these it may be a complete configuration. `options` are those that `--help` shows, with `_` for `-`. Each function
returns the typed result, whose `as_json()` is what `--json` prints, and raises `EmbedtuneError`, which says what to do
next. It reports nothing unless `verbose`, which prints progress and warnings on stderr, or a `talk`, which receives
them instead (an object like `workflows.shared.talk.Talk`). The command line calls the same functions.

>>> import embedtune
>>> embedtune.check(data="samples").verdict
'warnings'
"""

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

from embedtune.errors import ConfigError

if TYPE_CHECKING:
    from embedtune.config.section import RecipeSection
    from embedtune.config.verbs.drift import DriftConfig
    from embedtune.config.verbs.export import ExportConfig
    from embedtune.config.verbs.merge import MergeConfig
    from embedtune.reports.results.adapt import AdaptResult
    from embedtune.reports.results.check import CheckResult
    from embedtune.reports.results.cluster import ClusterResult
    from embedtune.reports.results.compare import CompareResult
    from embedtune.reports.results.drift import DriftResult
    from embedtune.reports.results.encode import EncodeResult
    from embedtune.reports.results.evaluate import EvaluateResult
    from embedtune.reports.results.export import ExportResult
    from embedtune.reports.results.merge import MergeResult
    from embedtune.reports.results.mine import MineResult
    from embedtune.reports.results.push import PushResult
    from embedtune.reports.results.reproduce import ReproduceResult
    from embedtune.reports.results.runs import RunsResult
    from embedtune.reports.results.train import TrainResult
    from embedtune.reports.results.tune import TuneResult
    from embedtune.workflows.search.run import SearchableCorpus
    from embedtune.workflows.shared.talk import Talk

    Given = str | os.PathLike[str] | RecipeSection
    Name = str | os.PathLike[str]

Config = TypeVar("Config", bound="RecipeSection")


def train(
    *given: "Given",
    resume: str | None = None,
    accept_changes: bool = False,
    talk: "Talk | None" = None,
    verbose: bool = False,
    **options: Any,
) -> "TrainResult":
    """Fine-tune an encoder and measure the gain: `embedtune.train("gist-pairs", data="pairs.jsonl", epochs=3)`.

    `resume` is a run folder to resume, or "auto", with `accept_changes` even though options or data changed.
    `verbose` prints progress on stderr; a `talk` receives it instead.
    """
    from embedtune.config.verbs.train import TrainConfig
    from embedtune.data.sources.reading.unchanged import unchanged_inputs
    from embedtune.distributed import joined
    from embedtune.workflows.shared.talk import Silence
    from embedtune.workflows.train.plan import plan_command, plan_config, run_to_resume
    from embedtune.workflows.train.run import run_plan

    heard = _talk(talk, verbose) or Silence()
    with joined(), unchanged_inputs():  # the plan looks at the columns of what the run reads
        if config := _complete(TrainConfig, given, options):
            run = run_to_resume(resume, config.output.folder)
            plan = plan_config(config, talk=heard, resume=run, accept_changes=accept_changes)
        else:
            asked = _asked(TrainConfig, given, options, ("resume", "accept_changes"))
            plan = plan_command(*asked, talk=heard, resume=resume, accept_changes=accept_changes)
        return run_plan(plan, talk=heard)


def tune(
    *given: "Given",
    resume: str | None = None,
    talk: "Talk | None" = None,
    verbose: bool = False,
    **options: Any,
) -> "TuneResult":
    """Find the best recipe that a budget can find: `embedtune.tune(data="pairs.jsonl", budget="500steps")`.

    `resume` is the folder of an interrupted race, which has its own options.
    `verbose` prints progress on stderr; a `talk` receives it instead.
    """
    from embedtune.config.verbs.tune import TuneConfig
    from embedtune.workflows.train.arms.opened import open_arms
    from embedtune.workflows.tune.run import tune as run

    config = None if resume is not None else _config(TuneConfig, given, options, ("resume",))
    return run(config, open_arms=open_arms, talk=_talk(talk, verbose), resume=resume)


def mine(
    *given: "Given",
    restart: bool = False,
    force: bool = False,
    talk: "Talk | None" = None,
    verbose: bool = False,
    **options: Any,
) -> "MineResult":
    """Find hard negatives: `embedtune.mine(data="pairs.jsonl", model="runs/first/model", negatives=7)`.

    `restart` discards an interrupted job; `force` replaces existing files that embedtune did not write.
    `verbose` prints progress on stderr; a `talk` receives it instead.
    """
    from embedtune.config.verbs.mine import MineConfig
    from embedtune.workflows.mine.run import mine as run

    config = _config(MineConfig, given, options, ("restart", "force"))
    return run(config, talk=_talk(talk, verbose), restart=restart, force=force)


def evaluate(*given: "Given", talk: "Talk | None" = None, verbose: bool = False, **options: Any) -> "EvaluateResult":
    """Score encoders on judged sets: `embedtune.evaluate(model=["starter", "bm25"], data="beir/")`.

    `verbose` prints progress on stderr; a `talk` receives it instead.
    """
    from embedtune.config.verbs.evaluate import EvaluateConfig
    from embedtune.workflows.evaluate.run import evaluate as run

    return run(_config(EvaluateConfig, given, options), talk=_talk(talk, verbose))


def check(
    *given: "Given", force: bool = False, talk: "Talk | None" = None, verbose: bool = False, **options: Any
) -> "CheckResult":
    """Look at data before training on it: `embedtune.check(data="pairs.jsonl", model="starter")`.

    `force` lets `fix` replace existing files that embedtune did not write.
    `verbose` prints progress on stderr; a `talk` receives it instead.
    """
    from embedtune.config.verbs.check import CheckConfig
    from embedtune.workflows.check.run import check as run

    return run(_config(CheckConfig, given, options, ("force",)), talk=_talk(talk, verbose), force=force)


def cluster(
    *given: "Given", restart: bool = False, talk: "Talk | None" = None, verbose: bool = False, **options: Any
) -> "ClusterResult":
    """Group rows by topic, links or shape: `embedtune.cluster(data="texts.txt", model="runs/first/model")`.

    `restart` discards an interrupted job. `verbose` prints progress on stderr; a `talk` receives it instead.
    """
    from embedtune.config.verbs.cluster import ClusterConfig
    from embedtune.workflows.cluster.run import cluster as run

    config = _config(ClusterConfig, given, options, ("restart",))
    return run(config, talk=_talk(talk, verbose), restart=restart)


def encode(
    *given: "Given", force: bool = False, talk: "Talk | None" = None, verbose: bool = False, **options: Any
) -> "EncodeResult":
    """Turn texts into vectors in a file: `embedtune.encode(model="runs/first/model", data="texts.txt")`.

    `force` replaces an existing file that embedtune did not write.
    `verbose` prints progress on stderr; a `talk` receives it instead.
    """
    from embedtune.config.verbs.encode import EncodeConfig
    from embedtune.workflows.encode.run import encode as run

    return run(_config(EncodeConfig, given, options, ("force",)), talk=_talk(talk, verbose), force=force)


def export(
    model: "Name",
    *,
    config: "ExportConfig | None" = None,
    talk: "Talk | None" = None,
    verbose: bool = False,
    **options: Any,
) -> "ExportResult":
    """Write an encoder for another engine: `embedtune.export("runs/first/model", to="onnx", precision="int8")`.

    `config` is a complete configuration instead of options.
    `verbose` prints progress on stderr; a `talk` receives it instead.
    """
    from embedtune.config.verbs.export import ExportConfig
    from embedtune.workflows.export.run import export as run

    found = config or _config(ExportConfig, (), options)
    named = found.model_copy(update={"model": found.model.model_copy(update={"name": os.fspath(model)})})
    return run(named, talk=_talk(talk, verbose))


def merge(
    *models: "Name",
    config: "MergeConfig | None" = None,
    talk: "Talk | None" = None,
    verbose: bool = False,
    **options: Any,
) -> "MergeResult":
    """Mix the weights of models: `embedtune.merge("base/", "runs/first/model", data="pairs.jsonl")`.

    `config` is a complete configuration instead of options.
    `verbose` prints progress on stderr; a `talk` receives it instead.
    """
    from embedtune.config.verbs.merge import MergeConfig
    from embedtune.workflows.merge.run import merge as run

    asked = config or _config(MergeConfig, (), options)
    named = asked.models.model_copy(update={"names": [os.fspath(name) for name in models] or asked.models.names})
    return run(asked.model_copy(update={"models": named}), talk=_talk(talk, verbose))


def adapt(*given: "Given", talk: "Talk | None" = None, verbose: bool = False, **options: Any) -> "AdaptResult":
    """Fit a map between two encoders' spaces: `embedtune.adapt(from_="old/", to="runs/first/model", data="beir/")`.

    `verbose` prints progress on stderr; a `talk` receives it instead.
    """
    from embedtune.config.verbs.adapt import AdaptConfig
    from embedtune.workflows.adapt.run import adapt as run

    return run(_config(AdaptConfig, given, options), talk=_talk(talk, verbose))


def drift(
    a: "Name",
    b: "Name",
    *,
    config: "DriftConfig | None" = None,
    talk: "Talk | None" = None,
    verbose: bool = False,
    **options: Any,
) -> "DriftResult":
    """Say how far two encoders disagree: `embedtune.drift("old/", "runs/first/model", data="beir/")`.

    `config` is a complete configuration instead of options.
    `verbose` prints progress on stderr; a `talk` receives it instead.
    """
    from embedtune.config.verbs.drift import DriftConfig
    from embedtune.workflows.drift.run import drift as run

    asked = config or _config(DriftConfig, (), options)
    return run(os.fspath(a), os.fspath(b), asked, talk=_talk(talk, verbose))


def open_search(
    *given: "Given", talk: "Talk | None" = None, verbose: bool = False, **options: Any
) -> "SearchableCorpus":
    """Open a corpus to search: `embedtune.open_search(model="bm25", data="beir/").ask("refund")`.

    `verbose` prints progress on stderr; a `talk` receives it instead.
    """
    from embedtune.config.verbs.search import SearchConfig
    from embedtune.workflows.search.run import open_search as run

    return run(_config(SearchConfig, given, options), talk=_talk(talk, verbose))


def compare(
    a: "Name",
    *others: "Name",
    metric: str | Sequence[str] = (),
    data: "Name | None" = None,
    split: str = "test",
    fail_if: str | None = None,
    output: "Name | None" = None,
    group: str | None = None,
) -> "CompareResult":
    """Say whether other systems are better than a: `embedtune.compare("runs/a", "runs/b", metric="ndcg@10")`."""
    from embedtune.workflows.compare.run import CompareOptions
    from embedtune.workflows.compare.run import compare as run

    several = [metric] if isinstance(metric, str) else metric
    metrics = [name.strip() for names in several for name in names.split(",") if name.strip()]
    named, (judged, folder) = [os.fspath(name) for name in (a, *others)], map(_plain, (data, output))
    return run(CompareOptions(named[0], named[1:], metrics, judged, split, fail_if, folder, group))


def runs(folder: "Name | None" = None) -> "RunsResult":
    """The training runs of a folder, the best first: `print(embedtune.runs())`."""
    from embedtune.workflows.runs.run import list_runs as run

    return run(_plain(folder))


def push(
    run: "Name",
    to: str,
    *,
    public: bool = False,
    force: bool = False,
    dry_run: bool = False,
    talk: "Talk | None" = None,
    verbose: bool = False,
) -> "PushResult":
    """Publish the model of a run: `embedtune.push("runs/first", "owner/name", dry_run=True).files`.

    `verbose` prints progress on stderr; a `talk` receives it instead.
    """
    from embedtune.workflows.push.run import push as work

    chosen = {"public": public, "force": force, "dry_run": dry_run}
    return work(os.fspath(run), to, talk=_talk(talk, verbose), **chosen)


def reproduce(
    name: str,
    *,
    data: Sequence[str] = (),
    model: "Name | None" = None,
    output: "Name | None" = None,
    talk: "Talk | None" = None,
    verbose: bool = False,
) -> "ReproduceResult":
    """Compute published figures again: `embedtune.reproduce("all-minilm-l6-v2", data=["scifact=beir/"]).verdict`.

    `verbose` prints progress on stderr; a `talk` receives it instead.
    """
    from embedtune.workflows.reproduce.run import reproduce as work

    def score(**options: Any) -> "EvaluateResult":
        return evaluate(talk=talk, verbose=verbose, **options)

    return work(name, data, score, model=_plain(model), output=_plain(output))


def _config(
    schema: type[Config], given: "Sequence[Given]", options: Mapping[str, Any], own: tuple[str, ...] = ()
) -> Config:
    """The configuration that was given, or the one that recipe, values and options make."""
    from embedtune.config.recipe.load import load

    return _complete(schema, given, options) or load(schema, *_asked(schema, given, options, own))


def _complete(schema: type[Config], given: "Sequence[Given]", options: Mapping[str, Any]) -> Config | None:
    """The configuration that was given in place of everything else."""
    return given[0] if len(given) == 1 and isinstance(given[0], schema) and not options else None


def _asked(
    schema: type[Config], given: "Sequence[Given]", options: Mapping[str, Any], own: tuple[str, ...] = ()
) -> tuple[str | None, list[str], dict[str, Any]]:
    """The recipe, the values and the options, as a command line has them.

    `own` are the function's own keywords, which no recipe has; a message lists them as well.

    Raises:
        ConfigError: there is no such option, or there are two recipes.
    """
    from embedtune.config.options import options_of
    from embedtune.config.recipe.load import recipe_and_values
    from embedtune.config.suggest import did_you_mean

    known = [*options_of(schema), *own, "verbose", "talk"]
    for name in options.keys() - set(known):
        hint = did_you_mean(name, known) or f"; the options are {', '.join(known)}"
        raise ConfigError(f"there is no option {name!r}{hint}", where=name)
    words = [os.fspath(cast(str, word)) for word in given]  # a configuration among other words is a TypeError
    return *recipe_and_values(words), {name: _plain(value) for name, value in options.items()}


def _plain(value: Any) -> Any:
    """The value in the types of a recipe: paths are text, and what is several is a list."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value


def _talk(talk: "Talk | None", verbose: bool) -> "Talk | None":
    from embedtune.workflows.shared.stream_talk import StreamTalk

    return StreamTalk() if talk is None and verbose else talk
