"""The samples as a table for people and as JSON for programs."""

import re
import statistics
from pathlib import Path

from .samples import Samples


# Title, kind of sample, field, how it is written.
ROWS = [
    ("`up -d` of six services, fresh volumes", "cold", "seconds", "s"),
    ("the same with the presets' own health checks", "cold, own checks", "seconds", "s"),
    ("`up` after `stop`", "warm", "seconds", "s"),
    ("`up -d` with nothing to do", "nothing to do", "seconds", "s"),
    ("client CPU of that", "nothing to do", "cpu", "s"),
    ("`ps`", "ps", "seconds", "s"),
    ("`stop`", "stop", "seconds", "s"),
    ("`down -v`", "down -v", "seconds", "s"),
    ("reset (`down -v`, then `up`)", "reset", "seconds", "s"),
    ("`stop`, first process ignores SIGTERM", "stubborn: stop", "seconds", "s"),
    ("reset of it", "stubborn: reset", "seconds", "s"),
    ("`down -v` of it", "stubborn: down -v", "seconds", "s"),
    ("30 services that sleep: `up -d`", "30: cold", "seconds", "s"),
    ("30: nothing to do", "30: nothing to do", "seconds", "s"),
    ("30: `ps`", "30: ps", "seconds", "s"),
    ("30: `down`", "30: down", "seconds", "s"),
    ("100 services that sleep: `up -d`", "100: cold", "seconds", "s"),
    ("100: nothing to do", "100: nothing to do", "seconds", "s"),
    ("100: `ps`", "100: ps", "seconds", "s"),
    ("100: `down`", "100: down", "seconds", "s"),
    ("client's peak memory, `up` of six", "cold", "peak_mb", "MB"),
    ("the same, 100 services", "100: cold", "peak_mb", "MB"),
    ("calls to the engine, `up` of six", "calls: cold", "count", ""),
    ("calls, nothing to do", "calls: nothing to do", "count", ""),
    ("`--version`", "version", "seconds", "s"),
]

# The kinds of sample that say how long a tool went on after the last service was ready.
UPS = ("cold", "cold, own checks", "warm", "reset")


def table(samples: Samples, machine: dict) -> str:
    """Markdown: medians, with the least and the most of them where there are several."""
    lines = ["| | devstack | compose | ratio | the engine alone |", "|---|---|---|---|---|"]
    for title, what, field, unit in ROWS:
        own, other = samples.values(what, "devstack", field), samples.values(what, "compose", field)
        if own and other:
            alone = samples.values(what, "alone", field)
            lines.append(row(title, own, other, alone, unit))
        if what == "cold" and field == "seconds":
            own, other = overshoots(samples, "devstack"), overshoots(samples, "compose")
            if own and other:
                # One of the two is next to nothing, and so is what a ratio would say.
                title = "from the last service ready until the command returns"
                lines.append(f"| {title} | {written(own, 's')} | {written(other, 's')} | | |")
    text = "\n".join(lines)
    if floors := [it for it in samples if it["what"] == "floor"]:
        text += "\n\n" + floor(floors)
    return f"{text}\n\n{conditions(machine)}"


def row(title: str, own: list[float], other: list[float], alone: list[float], unit: str) -> str:
    ratio = written_ratio(statistics.median(own) / statistics.median(other))
    floor = f"{written(alone, unit)} " if alone else ""
    return f"| {title} | {written(own, unit)} | {written(other, unit)} | {ratio} | {floor}|"


def overshoots(samples: Samples, tool: str) -> list[float]:
    return sorted(value for what in UPS for value in samples.values(what, tool, "overshoot"))


def written(values: list[float], unit: str) -> str:
    middle = number(statistics.median(values), unit)
    least, most = number(values[0], unit), number(values[-1], unit)
    spread = "" if least == most else f" ({least} to {most})"
    return f"{middle}{' ' if unit else ''}{unit}{spread}"


def number(value: float, unit: str) -> str:
    if unit == "s":
        return f"{value:.3f}" if abs(value) < 1 else f"{value:.2f}"
    return f"{value:.0f}"


def written_ratio(ratio: float) -> str:
    return f"{ratio:.2f}" if ratio >= 0.1 else f"1/{1 / ratio:.0f}"


def floor(floors: list[dict]) -> str:
    boots = {name: statistics.median(it["boots"][name] for it in floors) for name in floors[0]["boots"]}
    own = ", ".join(f"{name} {number(took, 's')} s" for name, took in boots.items())
    whole = written(sorted(it["seconds"] for it in floors), "s")
    return (
        f"What the six services need by themselves, their containers made beforehand and each started by one "
        f"call as soon as those before it are ready: {whole}. Own boots: {own}."
    )


def conditions(machine: dict) -> str:
    return (
        f"docker compose {machine['compose']} on Engine {machine['engine']}, {machine['cores']} cores, "
        f"{machine['memory_gb']} GB; medians, in brackets the least and the most; "
        f"rounds: {machine['rounds']}, the tools by turns. Both get the same file, what `devstack config` prints "
        f"of this repository's stack, with health checks every 5 s unless said otherwise, and the same images; in "
        f"the api devstack runs its own runner for Node, compose and the floor what the image says. "
        f"When a service is ready is seen from outside, every 5 ms, by a login, a handshake or a request. "
        f"The engine alone: a script asks it for the same changes, all at once. `scripts/bench/run` measures it; all samples are in `scripts/bench/results.json`."
    )


def write_into(readme: Path, text: str, name: str = "bench") -> None:
    """Replaces what stands between the markers of that name."""
    whole = readme.read_text()
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    marked = re.compile(re.escape(begin) + ".*" + re.escape(end), re.DOTALL)
    if not marked.search(whole):
        raise SystemExit(f"error: {readme} has no line `{begin}` and `{end}` after it")
    readme.write_text(marked.sub(lambda _: f"{begin}\n{text}\n{end}", whole))


def report(samples: Samples, machine: dict) -> dict:
    """Everything, with the medians first."""
    medians: dict[str, dict] = {}
    for title, what, field, unit in ROWS:
        for tool in ("devstack", "compose", "alone"):
            if values := samples.values(what, tool, field):
                entry = medians.setdefault(title, {"unit": unit or "calls"})
                entry[tool] = round(statistics.median(values), 4)
    for tool in ("devstack", "compose"):
        if values := overshoots(samples, tool):
            medians.setdefault("overshoot", {"unit": "s"})[tool] = round(statistics.median(values), 4)
    return {"machine": machine, "medians": medians, "samples": [rounded(it) for it in samples]}


def rounded(value: object) -> object:
    match value:
        case float():
            return round(value, 4)
        case dict():
            return {key: rounded(it) for key, it in value.items()}
        case _:
            return value
