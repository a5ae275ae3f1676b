"""The two tools, and one measured run of a command."""

import dataclasses
import os
import subprocess
import time
from pathlib import Path

# Longest run of one command.
LIMIT = 240


@dataclasses.dataclass(frozen=True)
class Run:
    """What a command cost. Memory and CPU are the client's own, not the engine's."""

    begun: float
    ended: float
    peak_mb: float
    cpu: float

    @property
    def seconds(self) -> float:
        return self.ended - self.begun


@dataclasses.dataclass(frozen=True)
class Tool:
    """A way to run a stack: the same commands under other names."""

    name: str
    program: str
    project: str
    # After these `up` returns when everything is ready.
    up_ready: tuple[str, ...]
    # Throws containers and data away and brings them back: one command or several.
    reset: tuple[tuple[str, ...], ...]

    def command(self, file: Path, *arguments: str) -> list[str]:
        return [self.program, "--project-name", self.project, "--file", str(file), *arguments]


def devstack(program: str, prefix: str) -> Tool:
    return Tool("devstack", program, f"{prefix}-devstack", ("up", "--detach"), (("reset", "--yes"),))


def compose(program: str, prefix: str) -> Tool:
    up = ("up", "--detach", "--wait")
    return Tool("compose", program, f"{prefix}-compose", up, (("down", "--volumes"), up))


def run(command: list[str], folder: Path, environment: dict[str, str] | None = None) -> Run:
    """Runs a command without a terminal.

    Raises RuntimeError with what it said when it fails or takes too long.
    """
    said = folder / "said.txt"
    with said.open("w") as output:
        begun = time.monotonic()
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment_of(folder) | (environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            status, usage, peak = wait(process, begun + LIMIT)
        except BaseException:
            process.terminate()
            process.wait()
            raise
        ended = time.monotonic()
    if status != 0:
        tail = "\n".join(said.read_text(errors="replace").splitlines()[-20:])
        raise RuntimeError(f"`{' '.join(command)}` ended with {status}:\n{tail}")
    return Run(begun, ended, peak / 1024, usage.ru_utime + usage.ru_stime)


def wait(process: subprocess.Popen, deadline: float):
    """Waits for the end, and within a millisecond of it returns the exit code, what was used (also
    by the process's own children, as far as it waited for them) and the most memory in kB."""
    peak, look = 0, 0.0
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        now = time.monotonic()
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return process.returncode, usage, peak
        if now >= look:
            # What the kernel tells at the end includes the bench itself, out of which it was made.
            peak, look = max(peak, peak_memory(process.pid)), now + 0.005
        if now > deadline:
            raise RuntimeError(f"`{' '.join(process.args)}` has not ended after {LIMIT} s")
        time.sleep(0.0005)


def peak_memory(pid: int) -> int:
    """The most that a process has had in memory so far, in kB; 0 when it is over."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    lines = (line.split() for line in status.splitlines())
    return next((int(line[1]) for line in lines if line[0] == "VmHWM:"), 0)


def environment_of(folder: Path) -> dict[str, str]:
    """The person's own settings are not part of the comparison, but where the engine is."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "DOCKER_HOST") if name in os.environ}
    return kept | {"XDG_CACHE_HOME": str(folder / "cache")}
