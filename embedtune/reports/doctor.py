"""What `embedtune doctor` prints: a line a fact, then what was found."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from embedtune.findings import by_severity
from embedtune.reports.check import finding_lines
from embedtune.reports.document.printable import printable
from embedtune.reports.document.wording import memory

_VERDICTS = {
    "errors": "embedtune cannot work here as it is.",
    "warnings": "embedtune works here; look at the warnings.",
    "notes": "Nothing stands in the way.",
    "clean": "Nothing stands in the way.",
}
Row = tuple[str, str]


def doctor_text(result: Mapping[str, Any]) -> RenderableType:
    """The facts, the findings and the verdict.

    Args:
        result: the keys of `embedtune doctor --json`.
    """
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    for label, value in (*_software(result), *_processor(result), *_devices(result), *_room(result)):
        table.add_row(Text(label), Text(printable(value)))
    findings = [line for one in by_severity(result["findings"]) for line in (*finding_lines(one), Text())]
    return Group(table, Text(), *findings, Text(_VERDICTS[result["verdict"]], style="bold"))


def _software(result: Mapping[str, Any]) -> Iterator[Row]:
    yield "system", result["system"]
    yield "versions", ", ".join(f"{one['name']} {one['version'] or '(missing)'}" for one in result["versions"])


def _processor(result: Mapping[str, Any]) -> Iterator[Row]:
    chip = result["processor"]
    share = f", {chip['quota']:g} processors' worth of time" if chip["quota"] is not None else ""
    yield "processor", f"{chip['name']}: {chip['usable']} of {chip['cores']} usable{share}"
    yield "instructions", ", ".join(chip["instructions"])
    pools = [f"{one['threads']} ({one['library']} of {one['of']})" for one in result["threads"]]
    yield "thread pools", ", ".join(pools) or "unknown"
    for one in result["settings"]:
        yield one["name"], f"{one['value']} ({one['source']}{'; ' + one['reason'] if one['reason'] else ''})"


def _devices(result: Mapping[str, Any]) -> Iterator[Row]:
    for one in result["devices"]:
        size = f", {memory(one['memory_bytes'])}" if one["memory_bytes"] is not None else ""
        free = f", {memory(one['free_bytes'])} free" if one["free_bytes"] is not None else ""
        yield one["device"], f"{one['name']}{size}{free}; auto takes {one['precision']}: {one['reason']}"
        speeds = [f"{speed(peak)} in {precision}" for precision, peak in one["peaks"].items()]
        if one["bandwidth"] is not None:
            speeds.append(f"memory {one['bandwidth'] / 1e9:.1f} GB/s")
        if speeds:
            yield "", ", ".join(speeds)


def _room(result: Mapping[str, Any]) -> Iterator[Row]:
    left, limit = result["memory"]["available_bytes"], result["memory"]["limit_bytes"]
    total = result["memory"]["total_bytes"]
    within = f"; the container may use {memory(limit)}" if limit is not None else ""
    yield "memory", f"{_amount(left)} free of {_amount(total)}{within}"
    for place in result["places"]:
        state = f"{_amount(place['free_bytes'])} free" if place["writable"] else "cannot be written"
        yield place["use"], f"{place['folder']} ({state})"
    store, hub = result["store"], result["hub"]
    yield "vector store", f"{_amount(store['size_bytes'])} used, {memory(store['cap_bytes'])} at most"
    yield "Hub", f"not asked: {', '.join(hub['said'])}" if hub["offline"] else "asked when a name is no folder"


def speed(flops: float) -> str:
    """Floating-point operations a second as people say them.

    >>> speed(7.2e10), speed(9.1e14)
    ('72 GFLOP/s', '910 TFLOP/s')
    """
    return f"{flops / 1e9:.3g} GFLOP/s" if flops < 1e12 else f"{flops / 1e12:.3g} TFLOP/s"


def _amount(size: int | None) -> str:
    return "unknown" if size is None else memory(size)
