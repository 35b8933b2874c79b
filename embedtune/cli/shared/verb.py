"""Makes the command of a verb: its options from the schema in `config/<verb>.py`, its help from its own docstring.

A verb is a function of what was `Asked` and of the few options that are not keys of a recipe. All else that its command
has (a signature for Typer, groups, defaults in words, --dry-run, --json, --quiet) is made here, the same for all.
"""

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from inspect import Parameter
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar, get_args

import typer

from embedtune.cli.shared.completion import values_of
from embedtune.cli.shared.help import VerbCommand, VerbGroup
from embedtune.cli.shared.options import AsJson, DryRun, Quiet, Words, written
from embedtune.cli.shared.output import print_json, print_result, print_text, say_bills
from embedtune.errors import GuardError
from embedtune.processes import this_process
from embedtune.workflows.shared.stream_talk import StreamTalk

if TYPE_CHECKING:
    from embedtune.config.options import Option
    from embedtune.config.section import RecipeSection
    from embedtune.reports.results.base import VerbResult

Config = TypeVar("Config", bound="RecipeSection")


@dataclass(frozen=True)
class Asked:
    """What a person asked of a verb.

    Args:
        schema: of the verb.
        words: a recipe and `key=value`.
        options: the options that were given, by Python name.
        talk: speaks on stderr.
        dry_run: print the recipe and stop.
        as_json: print the result as JSON.
    """

    schema: "type[RecipeSection]"
    words: Sequence[str]
    options: Mapping[str, Any]
    talk: StreamTalk
    dry_run: bool
    as_json: bool

    def config(self, demand: Callable[[Any], None] = lambda config: None, models: Sequence[str] = ()) -> Any:
        """The checked configuration of the verb; with --dry-run it is printed, and the command ends.

        Args:
            demand: refuses what the schema allows and the verb cannot do, also with --dry-run.
            models: encoders that are arguments of the command, which --dry-run asks about.

        Raises:
            ConfigError: whatever is wrong with it.
        """
        from embedtune.config.recipe.load import load, recipe_and_values

        config = load(self.schema, *recipe_and_values(self.words), self.options)
        demand(config)
        return self.wanted(config, models)

    def wanted(self, config: Config, models: Sequence[str] = ()) -> Config:
        """A configuration to work with; with --dry-run the data are read, it is printed, and the command ends."""
        if self.dry_run:
            from embedtune.config.recipe.load import dump_values
            from embedtune.workflows.shared.dry_run.foresee import foresee

            foresee(config, self.talk, models)

            values = config.model_dump(include=_keys_to_print(type(config)))
            if this_process().is_first:
                print_json(values) if self.as_json else print_text(dump_values(values).rstrip("\n"))
            raise typer.Exit
        return config

    def print(self, result: "VerbResult") -> None:
        """Print a result as JSON, or as its table, which need not repeat what was already reported.

        Of several processes, the first prints.
        """
        say_bills(self.talk)
        if this_process().is_first:
            print_result(result, as_json=self.as_json, told=self.talk.told)


def _keys_to_print(schema: "type[RecipeSection]") -> dict[str, set[str]] | None:
    """The keys that --dry-run prints: all of a recipe (None); those with an option, where a verb takes no recipes."""
    from embedtune.config.options import RECIPE_VERBS, options_of

    if schema.__module__.rpartition(".")[2] in RECIPE_VERBS:
        return None
    keys: dict[str, set[str]] = {}
    for option in options_of(schema).values():
        section, _, key = option.key.partition(".")
        keys.setdefault(section, set()).add(key)
    return keys


def add_verb(app: typer.Typer, function: Callable[..., None], examples: str) -> None:
    """Add a verb whose options its schema declares; the examples end its help.

    `function` takes `Asked`, then the options that are not keys; its name is the verb, its docstring the help.
    """
    from embedtune.config.options import RECIPE_VERBS, Group, options_of, schema_of

    _, *own = inspect.signature(function).parameters.values()
    groups, schema = get_args(Group), schema_of(function.__name__)
    keys = sorted(options_of(schema).values(), key=lambda option: groups.index(option.group))
    shared = {"dry_run": DryRun, "as_json": AsJson, "quiet": Quiet}

    def command(**given: Any) -> None:
        options = {option.name: given[option.name] for option in keys}
        asked = Asked(
            schema=schema,
            words=given.get("words") or (),
            options={name: value for name, value in options.items() if value is not None and value is not False},
            talk=StreamTalk(quiet=given["quiet"] or not this_process().is_first),
            dry_run=given["dry_run"],
            as_json=given["as_json"],
        )
        function(asked, **{parameter.name: given[parameter.name] for parameter in own})

    parameters = [
        *([_parameter("words", Words, None)] if function.__name__ in RECIPE_VERBS else []),
        *(_parameter(option.name, *_typed(option, hidden=option.key in schema.of_no_use)) for option in keys),
        *(_parameter(parameter.name, parameter.annotation, parameter.default) for parameter in own),
        *(_parameter(name, kind, False) for name, kind in shared.items()),
    ]
    command.__doc__, command.__module__ = function.__doc__, function.__module__
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    add_command(app, command, examples, name=function.__name__)


def add_command(app: typer.Typer, function: Callable[..., None], examples: str, *, name: str | None = None) -> None:
    """Add a command whose options are its own parameters; the one line about it is that of its module or docstring."""
    verb = name or function.__name__
    is_verb = function.__module__.endswith(f".{verb}")
    about = about_verb(function.__module__) if is_verb else inspect.cleandoc(function.__doc__ or "").split("\n")[0]
    app.command(verb, cls=VerbCommand, epilog=examples, short_help=about)(function)


def add_group(app: typer.Typer, module: str, help: str, examples: str) -> typer.Typer:
    """Add a verb that is a group of commands, and return the group for them; alone it shows its help."""
    group = typer.Typer(invoke_without_command=True, rich_markup_mode=None)
    group.callback(cls=VerbGroup, help=help, epilog=examples, short_help=about_verb(module))(show_help_without_verb)
    app.add_typer(group, name=module.rpartition(".")[2])
    return group


def show_help_without_verb(context: typer.Context) -> None:
    """Show the help of a group of commands when none of them was named."""
    if context.invoked_subcommand is None:
        print(context.get_help())
        raise typer.Exit


def about_verb(module: str) -> str:
    """What a verb does, in one line: its module begins with it, after the name of the command."""
    about = (sys.modules[module].__doc__ or "").split("\n")[0].partition(": ")[2]
    return about[:1].upper() + about[1:]


def end_guarded(option: str, verdict: str, talk: StreamTalk) -> NoReturn:
    """End the command because a guard that the user switched on says so."""
    talk.warn(f"failed because of {option} (verdict: {verdict})")
    raise typer.Exit(GuardError.exit_code)


def _parameter(name: str, annotation: Any, default: Any) -> Parameter:
    return Parameter(name, Parameter.KEYWORD_ONLY, annotation=annotation, default=default)


def _typed(option: "Option", *, hidden: bool) -> tuple[Any, Any]:
    """An option as Typer declares it, and its value when it is not given: None, so that a recipe can decide."""
    flag, help = option.flag, option.field.description or ""
    spelled = (option.spelled, *([flag.short] if flag.short else []))
    help = f"{help[:1].upper()}{help[1:]}."
    declared = written(
        *spelled,
        metavar=flag.metavar,
        help=help,
        group=option.group,
        default=option.default,
        complete=values_of(flag),
        hidden=hidden,
    )
    if option.kind is bool:
        return Annotated[bool, declared], False
    return Annotated[list[str] | None if flag.repeat else option.kind | None, declared], None
