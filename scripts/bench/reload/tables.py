"""What the reload bench found, as Markdown."""

import statistics
from collections.abc import Iterable

KINDS = ["controller", "entity", "new file", "deleted file"]


def text(samples: Iterable[dict], machine: dict) -> str:
    results = list(samples)
    reloads = [result for result in results if "seconds" in result]
    watchers = [result for result in results if "rss" in result]
    parts = [saves(reloads, machine), under_load(reloads, machine), watching(watchers)]
    return "\n\n".join([*filter(None, parts), conditions(machine)])


def saves(results: list[dict], machine: dict) -> str:
    lines = ["| modules (files) | way | p50 | p95 | slowest |", "|---|---|---|---|---|"]
    for result in results:
        samples = every(result)
        lines.append(
            f"| {result['modules']} ({result['files']}) | {result['way']} | {milliseconds(statistics.median(samples))} "
            f"| {milliseconds(quantile(samples, 0.95))} | {milliseconds(samples[-1])} |"
        )
    return "\n".join(lines) if results else ""


def under_load(results: list[dict], machine: dict) -> str:
    loaded = [result for result in results if "load" in result]
    if not loaded:
        return ""
    lines = [
        f"| {machine['reloads']} reloads at {machine['rate']} requests a second | failed of sent | slowest response |",
        "|---|---|---|",
    ]
    for result in loaded:
        load = result["load"]
        lines.append(
            f"| {result['way']}, {result['modules']} modules | {load['failed']:,} of {load['sent']:,} "
            f"| {milliseconds(load['slowest'])} |"
        )
    return "\n".join(lines)


def watching(results: list[dict]) -> str:
    if not results:
        return ""
    ignored, watched = results[0]["ignored"], results[0]["watched"]
    lines = [
        f"| watching {watched:,} files beside {ignored:,} ignored ones | until it watches | processor, idle | memory |",
        "|---|---|---|---|",
    ]
    for result in results:
        lines.append(
            f"| {result['way']} | {milliseconds(result['start'])} | {result['idle'] * 100:.2f} % "
            f"| {result['rss'] / 1e6:.0f} MB |"
        )
    return "\n".join(lines)


def conditions(machine: dict) -> str:
    return (
        f"From a save to the first response with the new code, the sample application grown by modules, with its "
        f"four services; {machine['saves']} saves each of a controller, an entity, a new file and a deleted file. "
        f"docker compose {machine['compose']}, {machine['cores']} cores. A request that is refused, cut off or answered "
        f"with an error has failed. `scripts/bench/reload/run` measures it; all samples are in "
        f"`scripts/bench/reload/results.json`."
    )


def told(result: dict) -> str:
    return f"{result['modules']} modules, {result['way']}: p50 {milliseconds(statistics.median(every(result)))}"


def every(result: dict) -> list[float]:
    return sorted(second for kind in KINDS for second in result["seconds"][kind])


def quantile(samples: list[float], part: float) -> float:
    """The smallest sample that is not below that part of all."""
    return samples[min(len(samples) - 1, int(part * len(samples)))]


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:,.0f} ms"
