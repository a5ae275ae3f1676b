"""What is measured. Each function measures one unit and leaves nothing of it behind."""

import dataclasses
import subprocess
import threading
import time
from pathlib import Path

from . import alone, stacks
from .engine import PROJECT, Engine, eventually
from .outside import Probe, watched
from .proxy import counting
from .samples import Sample
from .tools import LIMIT, Run, Tool, environment_of, run

# Runs of what ends at once, so that their median means something.
REPEATED = 20
SEVERAL = 5

# After the tool has returned, a service that is ready by then is so within this time.
PATIENCE = 60


@dataclasses.dataclass(frozen=True)
class Bench:
    """Where and on what."""

    engine: Engine
    folder: Path
    # Files by their names: `five` has health checks every 5 s, `own` those of the presets, `plain` no
    # runner of devstack's.
    files: dict[str, Path]
    probes: dict[str, Probe]

    def run(self, tool: Tool, file: str, *arguments: str, **environment: str) -> Run:
        return run(tool.command(self.files[file], *arguments), self.folder, environment)

    def clear(self, tool: Tool) -> None:
        self.engine.remove_project(tool.project)


def version(bench: Bench, tool: Tool) -> list[Sample]:
    question = ["--version"] if tool.name == "devstack" else ["version", "--short"]
    runs = [run([tool.program, *question], bench.folder) for _ in range(REPEATED)]
    return [sample("version", tool, it) for it in runs]


def cycle(bench: Bench, tool: Tool) -> list[Sample]:
    """A day's work with the six services, from nothing to nothing."""
    bench.clear(tool)
    samples = [up(bench, tool, "cold", "five", [tool.up_ready])]
    settle(bench, tool)
    samples += [sample("nothing to do", tool, bench.run(tool, "five", *tool.up_ready)) for _ in range(SEVERAL)]
    samples += [sample("ps", tool, bench.run(tool, "five", "ps")) for _ in range(SEVERAL)]
    samples.append(sample("stop", tool, bench.run(tool, "five", "stop")))
    samples.append(up(bench, tool, "warm", "five", [tool.up_ready]))
    samples.append(up(bench, tool, "reset", "five", list(tool.reset)))
    samples.append(sample("down -v", tool, bench.run(tool, "five", "down", "--volumes")))
    bench.clear(tool)
    return samples


def own_checks(bench: Bench, tool: Tool) -> list[Sample]:
    """A cold start with the presets' own health checks, which suit compose better."""
    bench.clear(tool)
    samples = [up(bench, tool, "cold, own checks", "own", [tool.up_ready])]
    bench.clear(tool)
    return samples


def up(bench: Bench, tool: Tool, what: str, file: str, commands: list[tuple[str, ...]]) -> Sample:
    """Runs what brings the stack up, and sees from outside when its last service is ready."""
    with watched(bench.engine, tool.project, bench.probes) as outside:
        runs = [bench.run(tool, file, *command) for command in commands]
        last = outside.wait(list(bench.probes), PATIENCE)
    whole = Run(runs[0].begun, runs[-1].ended, max(it.peak_mb for it in runs), sum(it.cpu for it in runs))
    return sample(what, tool, whole) | {"overshoot": whole.ended - last}


def floor(bench: Bench, tool: Tool) -> list[Sample]:
    """What the services need by themselves: containers are made beforehand, then each is started by
    one call as soon as those it depends on answer from outside. And what the engine needs to remove them."""
    bench.clear(tool)
    bench.run(tool, "plain", "up", "--no-start")
    ids = bench.engine.of_project(tool.project)
    waiting = stacks.needs(bench.files["plain"].read_text())
    called: dict[str, float] = {}
    with watched(bench.engine, tool.project, bench.probes) as outside:
        while waiting:
            known = len(outside.ready)
            able = [name for name, needed in waiting.items() if all(it in outside.ready for it in needed)]
            for name in able:
                waiting.pop(name)
                called[name] = time.monotonic()
                call = threading.Thread(
                    target=bench.engine.call, args=("POST", f"/containers/{ids[name]}/start"), daemon=True
                )
                call.start()
            if not able:
                eventually(lambda: len(outside.ready) > known, LIMIT, "the next service ready")  # noqa: B023
        last = outside.wait(list(bench.probes), LIMIT)
    removed = alone.remove(bench.engine, tool.project, kill=True)
    boots = {name: outside.ready[name] - begun for name, begun in called.items()}
    return [
        {"what": "floor", "tool": "services", "seconds": last - min(called.values()), "boots": boots},
        {"what": "down -v", "tool": "alone", "seconds": removed},
    ]


def many_alone(bench: Bench, tool: Tool, count: int) -> list[Sample]:
    """What the engine needs by itself for so many services that sleep."""
    bench.clear(tool)
    samples = [
        {"what": f"{count}: cold", "tool": "alone", "seconds": alone.sleepers(bench.engine, tool.project, count)},
        {"what": f"{count}: down", "tool": "alone", "seconds": alone.remove(bench.engine, tool.project, kill=False)},
    ]
    bench.clear(tool)
    return samples


def stubborn(bench: Bench, tool: Tool) -> list[Sample]:
    """A first process that ignores SIGTERM."""
    start = ("up", "--detach")
    bench.clear(tool)
    bench.run(tool, "stubborn", *start)
    samples = [sample("stubborn: stop", tool, bench.run(tool, "stubborn", "stop"))]
    bench.run(tool, "stubborn", *start)
    reset = [bench.run(tool, "stubborn", *command) for command in tool.reset]
    whole = Run(reset[0].begun, reset[-1].ended, max(it.peak_mb for it in reset), sum(it.cpu for it in reset))
    samples.append(sample("stubborn: reset", tool, whole))
    samples.append(sample("stubborn: down -v", tool, bench.run(tool, "stubborn", "down", "--volumes")))
    bench.clear(tool)
    return samples


def many(bench: Bench, tool: Tool, count: int) -> list[Sample]:
    """So many services that sleep."""
    file, start = f"sleep{count}", tool.up_ready
    bench.clear(tool)
    samples = [sample(f"{count}: cold", tool, bench.run(tool, file, *start))]
    samples += [sample(f"{count}: nothing to do", tool, bench.run(tool, file, *start)) for _ in range(SEVERAL)]
    samples += [sample(f"{count}: ps", tool, bench.run(tool, file, "ps")) for _ in range(SEVERAL)]
    samples.append(sample(f"{count}: down", tool, bench.run(tool, file, "down")))
    bench.clear(tool)
    return samples


def calls(bench: Bench, tool: Tool) -> list[Sample]:
    """The calls to the engine of a cold start, and of one with nothing to do."""
    bench.clear(tool)
    samples: list[Sample] = []
    for what in ("cold", "nothing to do"):
        settle(bench, tool)
        with counting(bench.engine.path, bench.folder) as (host, proxy):
            bench.run(tool, "five", *tool.up_ready, DOCKER_HOST=host)
        counted = dict(sorted(proxy.calls.items()))
        samples.append({"what": f"calls: {what}", "tool": tool.name, "count": proxy.calls.total(), "calls": counted})
    bench.clear(tool)
    return samples


def settle(bench: Bench, tool: Tool) -> None:
    """Waits until the engine's own health checks have come to a verdict: as long as they have not, there
    still is something to wait for."""
    label = [f"{PROJECT}={tool.project}"]

    def settled() -> bool:
        return not any("starting" in it["Status"] for it in bench.engine.containers(label=label))

    eventually(settled, PATIENCE, "the health checks' verdicts")


def sample(what: str, tool: Tool, measured: Run) -> Sample:
    return {
        "what": what,
        "tool": tool.name,
        "seconds": measured.seconds,
        "peak_mb": measured.peak_mb,
        "cpu": measured.cpu,
    }


def text_of(command: list[str], folder: Path, environment: dict[str, str] | None = None) -> str:
    """What a command prints. Raises RuntimeError when it fails."""
    result = subprocess.run(
        command, cwd=folder, env=environment_of(folder) | (environment or {}), capture_output=True, text=True
    )
    if result.returncode != 0:
        raise RuntimeError(f"`{' '.join(command)}` ended with {result.returncode}:\n{result.stderr[-2000:]}")
    return result.stdout.strip()
