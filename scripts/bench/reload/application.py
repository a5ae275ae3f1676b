"""The application that the reload bench edits: the repository's sample, grown by modules."""

import shutil
from pathlib import Path

ENTITY = """\
export class M{k}Entity {{
  readonly stamp = '{stamp}';

  constructor(readonly id: number) {{}}
}}
"""

SERVICE = """\
import {{ Injectable }} from '@nestjs/common';
import {{ M{k}Entity }} from './m{k}.entity.js';

@Injectable()
export class M{k}Service {{
  private readonly entities = Array.from({{ length: 8 }}, (_, id) => new M{k}Entity(id));

  read(): string {{
    return this.entities.map((entity) => `${{entity.id}}=${{entity.stamp}}`).join(' ');
  }}
}}
"""

CONTROLLER = """\
import {{ Controller, Get }} from '@nestjs/common';
{imports}import {{ M{k}Service }} from './m{k}.service.js';

const VERSION = {version};

@Controller('m{k}')
export class M{k}Controller {{
  constructor(private readonly service: M{k}Service) {{}}

  @Get()
  read(): string {{
    return `${{VERSION}} ${{this.service.read()}}`;
  }}
}}
"""

MODULE = """\
import {{ Module }} from '@nestjs/common';
import {{ M{k}Controller }} from './m{k}.controller.js';
import {{ M{k}Service }} from './m{k}.service.js';

@Module({{ controllers: [M{k}Controller], providers: [M{k}Service] }})
export class M{k}Module {{}}
"""


class Application:
    """A grown copy of the sample, and the four kinds of save that the bench makes in it.

    Each save returns the word that a response of `/m0` contains once it is live.
    """

    def __init__(self, sample: Path, folder: Path, modules: int):
        self.folder = folder
        self.modules = modules
        self._first = folder / "src" / "grown" / "m0"
        self._extra = self._first / "m0.extra.ts"
        self._count = 0
        ignored = shutil.ignore_patterns("node_modules", "dist")
        shutil.copytree(sample, folder, ignore=ignored)
        for k in range(modules):
            self._write_module(k)
        numbers = range(modules)
        imports = "".join(f"import {{ M{k}Module }} from './m{k}/m{k}.module.js';\n" for k in numbers)
        names = ", ".join(f"M{k}Module" for k in numbers)
        (folder / "src" / "grown" / "grown.module.ts").write_text(
            "import { Module } from '@nestjs/common';\n"
            f"{imports}\n@Module({{ imports: [{names}] }})\nexport class GrownModule {{}}\n"
        )
        root = folder / "src" / "app.module.ts"
        text = root.read_text()
        line = "import { HealthModule }"
        grown = text.replace(
            line, f"import {{ GrownModule }} from './grown/grown.module.js';\n{line}", 1
        ).replace("imports: [HealthModule,", "imports: [GrownModule, HealthModule,", 1)
        if grown.count("GrownModule") != 2:
            raise RuntimeError(f"{root} is not what this script expects: it cannot be grown")
        root.write_text(grown)

    @property
    def files(self) -> int:
        """How many TypeScript files it has."""
        return sum(1 for _ in (self.folder / "src").rglob("*.ts"))

    def save(self, kind: str) -> str:
        """Makes one save of a kind: `controller`, `entity`, `new file` or `deleted file`."""
        self._count += 1
        word = f"word{self._count:06d}"
        if kind == "controller":
            self._write_controller(0, f"'{word}'")
        elif kind == "entity":
            (self._first / "m0.entity.ts").write_text(ENTITY.format(k=0, stamp=word))
        elif kind == "new file":
            self._extra.write_text(f"export const EXTRA = '{word}';\n")
            self._write_controller(0, "EXTRA", "import { EXTRA } from './m0.extra.js';\n")
        elif kind == "deleted file":
            self._write_controller(0, f"'{word}'")
            self._extra.unlink()
        else:
            raise ValueError(kind)
        return word

    def _write_module(self, k: int) -> None:
        folder = self.folder / "src" / "grown" / f"m{k}"
        folder.mkdir(parents=True)
        (folder / f"m{k}.entity.ts").write_text(ENTITY.format(k=k, stamp="first"))
        (folder / f"m{k}.service.ts").write_text(SERVICE.format(k=k))
        (folder / f"m{k}.module.ts").write_text(MODULE.format(k=k))
        self._write_controller(k, "'first'")

    def _write_controller(self, k: int, version: str, imports: str = "") -> None:
        path = self.folder / "src" / "grown" / f"m{k}" / f"m{k}.controller.ts"
        path.write_text(CONTROLLER.format(k=k, version=version, imports=imports))
