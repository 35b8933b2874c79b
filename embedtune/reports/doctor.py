"""What `embedtune doctor` prints: a line per fact, then the findings and the verdict."""

from collections.abc import Collection, Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from embedtune.findings import by_severity
from embedtune.reports.document.printable import printable
from embedtune.reports.document.terminal import finding_lines
from embedtune.reports.document.wording import memory
from embedtune.reports.results.doctor import Device, Diagnosis

_VERDICTS = {
    "errors": "embedtune cannot run on this machine as it is.",
    "warnings": "embedtune runs on this machine; look at the warnings.",
    "notes": "embedtune runs on this machine.",
    "clean": "embedtune runs on this machine.",
}
Row = tuple[str, str]


def table(result: Diagnosis, reported: Collection[str] = ()) -> RenderableType:
    """The facts, the findings and the verdict; no finding is reported before the end."""
    facts = Table.grid(padding=(0, 2, 0, 0))
    facts.add_column(no_wrap=True, style="bold")
    facts.add_column(overflow="fold")
    for label, value in (*_software(result), *_processor(result), *_devices(result), *_room(result)):
        facts.add_row(Text(label), Text(printable(value)))
    findings = [line for one in by_severity(result.findings) for line in (*finding_lines(one), Text())]
    return Group(facts, Text(), *findings, Text(_VERDICTS[result.verdict], style="bold"))


def _software(result: Diagnosis) -> Iterator[Row]:
    yield "system", result.system
    yield "versions", ", ".join(f"{one.name} {one.version or '(missing)'}" for one in result.versions)


def _processor(result: Diagnosis) -> Iterator[Row]:
    chip = result.processor
    share = f", limited to the time of {chip.quota:g}" if chip.quota is not None else ""
    yield "processor", f"{chip.name}: {chip.usable} of {chip.cores} usable{share}"
    yield "instructions", ", ".join(chip.instructions)
    pools = [f"{one.threads} ({one.library} of {one.of})" for one in result.threads]
    yield "thread pools", ", ".join(pools) or "unknown"
    for setting in result.settings:
        reason = f"; {setting.reason}" if setting.reason else ""
        yield setting.name, f"{setting.value} ({setting.source}{reason})"


def _devices(result: Diagnosis) -> Iterator[Row]:
    for one in result.devices:
        size = f", {memory(one.memory_bytes)}" if one.memory_bytes is not None else ""
        free = f", {memory(one.free_bytes)} free" if one.free_bytes is not None else ""
        yield one.device, f"{one.name}{size}{free}; auto uses {one.precision}: {one.reason}"
        if speeds := list(_speeds(one)):
            yield "", ", ".join(speeds)


def _speeds(device: Device) -> Iterator[str]:
    for precision, peak in device.peaks.items():
        yield f"{speed(peak)} in {precision}"
    if device.bandwidth is not None:
        yield f"memory {device.bandwidth / 1e9:.1f} GB/s"


def _room(result: Diagnosis) -> Iterator[Row]:
    size, hub = result.memory, result.hub
    within = f"; the container may use {memory(size.limit_bytes)}" if size.limit_bytes is not None else ""
    yield "memory", f"{_amount(size.available_bytes)} free of {_amount(size.total_bytes)}{within}"
    for place in result.places:
        state = f"{_amount(place.free_bytes)} free" if place.writable else "not writable"
        yield place.use, f"{place.folder} ({state})"
    yield "vector store", f"{memory(result.store.size_bytes)} used, at most {memory(result.store.cap_bytes)}"
    yield "Hub", f"not contacted: {', '.join(hub.said)}" if hub.offline else "contacted when a name is not a folder"


def speed(flops: float) -> str:
    """Floating-point operations per second as people say them.

    >>> speed(7.2e10), speed(9.1e14)
    ('72 GFLOP/s', '910 TFLOP/s')
    """
    return f"{flops / 1e9:.3g} GFLOP/s" if flops < 1e12 else f"{flops / 1e12:.3g} TFLOP/s"


def _amount(size: int | None) -> str:
    return "unknown" if size is None else memory(size)
