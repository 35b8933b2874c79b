"""YAML text -> plain values, with the line of every key.

It reads less than PyYAML's `safe_load`, on purpose. Scalars follow YAML 1.2: in YAML 1.1 a learning rate of `2e-5` is
text, a column named `no` is False and `1:30` is ninety. Anchors and aliases are refused (a few lines of them can expand
to gigabytes, and no recipe needs them), so are tags, files over 256 KiB and values nested deeper than 20. A key given
twice is a mistake and not a silent choice of the last one.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import yaml

MAX_CHARACTERS = 256 * 1024
MAX_DEPTH = 20

_TOO_DEEP = f"nested deeper than {MAX_DEPTH} levels"
_PREFIX = "tag:yaml.org,2002:"
_SCALARS: dict[str, tuple[str, list[str], Callable[[str], Any]]] = {
    # tag: (pattern, possible first characters, constructor)
    "null": (r"~|null|Null|NULL|", [*"~nN", ""], lambda text: None),
    "bool": (r"true|True|TRUE|false|False|FALSE", [*"tTfF"], lambda text: text.lower() == "true"),
    "int": (
        r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+",
        [*"-+0123456789"],
        lambda text: int(text, 0 if text[:2] in ("0o", "0x") else 10),
    ),
    "float": (
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        [*"-+.0123456789"],
        lambda text: float(re.sub(r"\.(?=[iInN])", "", text)),
    ),
    "str": (r"", [], str),
}


class YamlMistake(Exception):
    """The text cannot be read as YAML at all, or not safely."""

    def __init__(self, message: str, line: int | None) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


@dataclass
class YamlDocument:
    """The content of a YAML text.

    Args:
        values: plain dicts, lists and scalars; None for an empty text.
        lines: dotted key -> line, from 1.
        mistakes: (dotted key, line, message) of each key given twice or not a name.
    """

    values: Any = None
    lines: dict[str, int] = field(default_factory=dict)
    mistakes: list[tuple[str, int, str]] = field(default_factory=list)


def read_yaml(text: str) -> YamlDocument:
    """Read one YAML document.

    Raises:
        YamlMistake: it is not YAML, is too large or too deep, or uses anchors, aliases or tags.
    """
    if len(text) > MAX_CHARACTERS:
        raise YamlMistake(f"longer than {MAX_CHARACTERS:,} characters, too long for a recipe", None)
    try:
        node = _Loader(text).get_single_node()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise YamlMistake(f"not valid YAML: {error.problem or error.context}", line) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise YamlMistake(
            f"holds a character that YAML does not allow, U+{ord(text[error.position]):04X}", line
        ) from None
    document = YamlDocument()
    if node is not None:
        document.values = _value(node, "", document)
    return document


def read_scalar(text: str) -> Any:
    """What a value written on the command line means: `2e-5` a number, `null` None, `query: ` that very text.

    Only a value that opens with a bracket or a quotation mark is read as YAML, so a prompt may hold a colon or a `#`.

    >>> read_scalar("2e-5"), read_scalar("true"), read_scalar("query: "), read_scalar('"2"'), read_scalar("[a, 1]")
    (2e-05, True, 'query: ', '2', ['a', 1])

    Raises:
        YamlMistake: it opens with a bracket or a quotation mark and is not valid YAML.
    """
    if text[:1] in ("{", "[", '"', "'"):
        document = read_yaml(text)
        if document.mistakes:
            key, line, message = document.mistakes[0]
            raise YamlMistake(f"{key}: {message}", line)
        return document.values
    for tag, (pattern, _, construct) in _SCALARS.items():
        if tag != "str" and re.fullmatch(pattern, text):
            return _construct(construct, text, None)
    return text


class _Loader(yaml.SafeLoader):
    """PyYAML's parser, up to its tree of nodes (which know their lines), with YAML 1.2 scalars and the limits above."""

    yaml_implicit_resolvers: dict = {}  # noqa: RUF012  PyYAML's own attribute, emptied of the YAML 1.1 rules

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.open_nodes = 0

    def fetch_flow_collection_start(self, token_class: Any) -> None:
        # Before the tree: the scanner looks ahead, and every open bracket makes each further step slower.
        if self.flow_level > MAX_DEPTH:
            raise YamlMistake(_TOO_DEEP, self.line + 1)
        super().fetch_flow_collection_start(token_class)

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise YamlMistake(
                "anchors (&name) and aliases (*name) are not allowed in recipes; write the value out", line
            )
        if self.open_nodes >= MAX_DEPTH:
            raise YamlMistake(_TOO_DEEP, line)
        self.open_nodes += 1
        node = super().compose_node(parent, index)
        self.open_nodes -= 1
        return node


class RecipeDumper(yaml.SafeDumper):
    """Writes what `read_yaml` reads back: text that either version of YAML would take for something else is quoted."""

    # Its own copy, or the resolvers added below would change every other user of PyYAML in the process.
    yaml_implicit_resolvers = {first: list(rules) for first, rules in yaml.SafeDumper.yaml_implicit_resolvers.items()}  # noqa: RUF012

    def ignore_aliases(self, data: Any) -> bool:
        """Write every value out: `read_yaml` refuses aliases."""
        return True

    def represent_text(self, text: str) -> yaml.ScalarNode:
        """A text, in double quotes where PyYAML's other styles would lose its line separators."""
        # PyYAML leaves these line separators as they are in its other styles, and then reads them back as blanks.
        style = '"' if any(separator in text for separator in "\x85\u2028\u2029") else None
        return self.represent_scalar(_PREFIX + "str", text, style)


RecipeDumper.add_representer(str, RecipeDumper.represent_text)


for _tag, (_pattern, _first, _) in _SCALARS.items():
    for _class in (_Loader, RecipeDumper):
        if _first:
            _class.add_implicit_resolver(_PREFIX + _tag, re.compile(f"(?:{_pattern})\\Z"), _first)


def _value(node: yaml.Node, key: str, document: YamlDocument) -> Any:
    line = node.start_mark.line + 1
    if key:
        document.lines.setdefault(key, line)
    if isinstance(node, yaml.MappingNode) and node.tag == _PREFIX + "map":
        return _mapping(node, key, document)
    if isinstance(node, yaml.SequenceNode) and node.tag == _PREFIX + "seq":
        return [_value(item, f"{key}.{i}".lstrip("."), document) for i, item in enumerate(node.value)]
    tag = node.tag.removeprefix(_PREFIX)
    if not isinstance(node, yaml.ScalarNode) or tag not in _SCALARS:
        raise YamlMistake(f"the tag {node.tag!r} is not allowed in recipes; write a plain value", line)
    return _construct(_SCALARS[tag][2], node.value, line)


def _mapping(node: yaml.MappingNode, key: str, document: YamlDocument) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name_node, value_node in node.value:
        line = name_node.start_mark.line + 1
        if not isinstance(name_node, yaml.ScalarNode):
            document.mistakes.append((key, line, "a key must be a name, not a list or a mapping"))
            continue
        name = name_node.value
        inner = f"{key}.{name}".lstrip(".")
        if name in values:
            document.mistakes.append((inner, line, f"given twice, first on line {document.lines[inner]}"))
            continue
        document.lines[inner] = line
        values[name] = _value(value_node, inner, document)
    return values


def _construct(construct: Callable[[str], Any], text: str, line: int | None) -> Any:
    try:
        return construct(text)
    except ValueError:
        raise YamlMistake(f"{text[:40]!r} cannot be read as a number", line) from None
