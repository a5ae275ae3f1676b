"""What was measured, kept on disk as it comes, so that a bench that was interrupted goes on."""

import json
from collections.abc import Iterator
from pathlib import Path

Sample = dict


class Samples:
    """Samples of one bench: of these programs, this engine and these files.

    A unit is what is measured in one go; it is kept when all of it was measured.
    """

    def __init__(self, path: Path, identity: dict, fresh: bool):
        self._path = path
        self._units: dict[str, list[Sample]] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        head = json.dumps({"bench": identity}, sort_keys=True)
        lines = path.read_text().splitlines() if path.exists() and not fresh else []
        if lines[:1] == [head]:
            for line in lines[1:]:
                # A line may have been cut off with the bench.
                if line.endswith("}"):
                    unit = json.loads(line)
                    self._units[unit["unit"]] = unit["samples"]
        path.write_text(head + "\n")
        for unit, samples in list(self._units.items()):
            self.add(unit, samples)

    def __contains__(self, unit: str) -> bool:
        return unit in self._units

    def add(self, unit: str, samples: list[Sample]) -> None:
        self._units[unit] = samples
        with self._path.open("a") as file:
            file.write(json.dumps({"unit": unit, "samples": samples}) + "\n")

    def __iter__(self) -> Iterator[Sample]:
        for samples in self._units.values():
            yield from samples

    def values(self, what: str, tool: str, field: str = "seconds") -> list[float]:
        """A field of all samples of a kind, smallest first."""
        found = (it[field] for it in self if it["what"] == what and it["tool"] == tool and field in it)
        return sorted(found)

    def one(self, what: str, tool: str) -> Sample | None:
        """The first sample of a kind."""
        return next((it for it in self if it["what"] == what and it["tool"] == tool), None)
