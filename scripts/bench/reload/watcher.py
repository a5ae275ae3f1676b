"""What watching costs while nothing changes, in a folder with many files that nobody wants."""

import json
import time
from pathlib import Path

from measure import watching
from ways import Way, run

PROJECT = "devstack-bench-watcher"
# The preset's; anything that stays up would do.
IMAGE = "redis:8"
IGNORED, WATCHED = 100_000, 2_000
PER_FOLDER = 100
# Watchers read files for a while after they have announced themselves.
SETTLE = 10.0
IDLE = 20.0


def measure(way: Way, folder: Path) -> dict:
    """`start` and `idle` (part of one processor), in bytes `rss`."""
    tree = folder / f"tree-{way.file}"
    write_files(tree / "node_modules", IGNORED, ".js")
    write_files(tree / "src", WATCHED, ".ts")
    stack = {
        "services": {
            "idle": {
                "image": IMAGE,
                "init": True,
                # Checks of health are what happens all the time in a stack.
                "healthcheck": {"test": ["CMD", "redis-cli", "ping"], "interval": "2s"},
                "develop": {
                    "watch": [{"action": "sync", "path": ".", "target": "/app", "ignore": ["node_modules/"]}]
                },
            }
        }
    }
    (tree / way.file).write_text(json.dumps(stack, indent=2))
    command = [*way.tool, "--project-name", PROJECT, "--file", str(tree / way.file)]
    try:
        run([*command, "up", "--detach"], tree)
        begun = time.monotonic()
        with watching([*command, *way.watch], way.announces, folder / "watcher.log") as process:
            start = time.monotonic() - begun
            time.sleep(SETTLE)
            before = cpu_seconds(process.pid)
            time.sleep(IDLE)
            idle = (cpu_seconds(process.pid) - before) / IDLE
            rss = resident(process.pid)
    finally:
        run([*command, "down", "--timeout", "0"], tree)
    return {"way": way.name, "ignored": IGNORED, "watched": WATCHED, "start": start, "idle": idle, "rss": rss}


def write_files(folder: Path, count: int, extension: str) -> None:
    for number in range(count // PER_FOLDER):
        below = folder / f"d{number}"
        below.mkdir(parents=True)
        for file in range(PER_FOLDER):
            (below / f"f{file}{extension}").write_text(f"export const x = {file};\n")


def cpu_seconds(pid: int) -> float:
    """Of all threads: much finer than the clock ticks of `stat`."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def resident(pid: int) -> int:
    line = next(it for it in Path(f"/proc/{pid}/status").read_text().splitlines() if it.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024
