"""What `--help` looks like: plain text as wide as the terminal, options in groups with their defaults, then examples.

Typer's own groups (panels) exist only in its boxed output, which has no place in a pipe or in a log.
"""

from collections.abc import Sequence
from typing import Any

from typer.core import TyperCommand, TyperGroup

from embedtune.cli.shared.once import demand_working_folder, refuse_repeated

CONTEXT = {"help_option_names": ["--help", "-h"], "max_content_width": 120}  # longer lines are hard to read
ARGUMENTS, COMMON = "Arguments", "Common"
"""The first heading, and the last: of what every command has."""
_SPACE, _HYPHEN = "\N{NO-BREAK SPACE}", "\N{NON-BREAKING HYPHEN}"
"""Where a line may not be broken; what is printed has the plain characters."""


class VerbCommand(TyperCommand):
    """A command whose help shows options in groups and ends with examples (its `epilog`, one command per line)."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments, and refuse an option with one value that is given twice: one would be lost silently."""
        refuse_repeated(self, ctx, args)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run the command, in a folder that exists."""
        demand_working_folder()
        return super().invoke(ctx)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments and the groups of options."""
        _write_parameters(self.get_params(ctx), formatter)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the examples."""
        _write_examples(self.epilog, formatter)


class VerbGroup(TyperGroup):
    """A group of commands, with the same help."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the commands, then the options of the group itself."""
        self.format_commands(ctx, formatter)
        _write_parameters(self.get_params(ctx), formatter)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the examples."""
        _write_examples(self.epilog, formatter)


def examples_of(command: Any) -> list[str]:
    """The commands that a command's help ends with."""
    return [line.strip() for line in (command.epilog or "").splitlines() if line.strip()]


def default_of(parameter: Any) -> str | None:
    """What holds when a parameter is not given, in words; None for those that end the command, such as --help."""
    if not parameter.expose_value:
        return None
    if parameter.required:
        return "required"
    if isinstance(parameter.show_default, str):
        return f"default: {parameter.show_default}"
    if parameter.default is None or parameter.default is False:
        return "default: off" if parameter.is_flag else "default: none"
    return f"default: {parameter.default}"


def groups_of(parameters: Sequence[Any]) -> dict[str, list[Any]]:
    """The headings of a command's help, each with its parameters: arguments first, what every command has last."""
    groups: dict[str, list[Any]] = {ARGUMENTS: []}
    for parameter in parameters:
        if getattr(parameter, "hidden", False):
            continue
        is_argument = parameter.param_type_name == "argument"
        groups.setdefault(ARGUMENTS if is_argument else parameter.rich_help_panel or COMMON, []).append(parameter)
    groups[COMMON] = groups.pop(COMMON, [])
    return {heading: members for heading, members in groups.items() if members}


def _write_parameters(parameters: Sequence[Any], formatter: Any) -> None:
    most = min(34, formatter.width // 3)
    rows = {heading: [_row(parameter) for parameter in members] for heading, members in groups_of(parameters).items()}
    lengths = [len(first) for members in rows.values() for first, _ in members]
    width = max((length for length in lengths if length <= most), default=most)
    for heading, members in rows.items():
        with formatter.section(heading):
            formatter.write_dl([(first.ljust(width), second) for first, second in members], col_max=width)
    formatter.buffer = [text.replace(_SPACE, " ").replace(_HYPHEN, "-") for text in formatter.buffer]


def _row(parameter: Any) -> tuple[str, str]:
    """A parameter as it is written, and its help with its default, which stays on one line if it is short."""
    spelled = [parameter.metavar] if parameter.param_type_name == "argument" else sorted(parameter.opts, key=len)
    if parameter.param_type_name == "option" and not parameter.is_flag and parameter.metavar:
        spelled[-1] += f" {parameter.metavar}"
    default = default_of(parameter) or ""
    together = default.replace(" ", _SPACE) if len(default) < 40 else default
    text = f"{parameter.help} [{together}]" if default else parameter.help
    return ", ".join(spelled), text.replace("-", _HYPHEN)


def _write_examples(lines: str | None, formatter: Any) -> None:
    """Each on a line of its own, however long: they are there to be copied."""
    if lines:
        with formatter.section("Examples"):
            for line in lines.strip().splitlines():
                formatter.write(f"{'':>{formatter.current_indent}}{line.strip()}\n")
