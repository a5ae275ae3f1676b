// Turns TypeScript into JavaScript, one file by itself, with the application's own compiler.
import { createRequire } from 'node:module';
import { accessSync, constants, mkdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, extname, join, relative } from 'node:path';
import { codeFrame } from './frame.js';
import { runFolder } from './place.js';
import { ProjectError } from './project.js';

/** A file that does not compile. */
export class CompileError extends Error {
  constructor(message, frame) {
    super(message);
    this.frame = frame;
  }
}

/**
 * The compiler of a project: `{ name, compile(file, text) -> { code, map } }`.
 * Both are asked for what Nest needs: the metadata of decorators, class names as they are.
 */
export function loadCompiler(project) {
  if (!project.compiled) return null;
  const require = createRequire(join(project.root, 'package.json'));
  for (const [name, make] of [
    ['@swc/core', swc],
    ['typescript', typescript],
  ]) {
    let loaded;
    try {
      giveRoom();
      loaded = require(name);
    } catch (error) {
      if (error.code === 'MODULE_NOT_FOUND') continue;
      const causes = [error.cause ?? []].flat().map((cause) => cause?.message ?? cause);
      throw new ProjectError([`${name} cannot be loaded: ${error.message}`, ...causes].join('; '));
    }
    return make(loaded, project);
  }
  throw new ProjectError(
    `${project.shown(project.entry)} needs a compiler: add @swc/core or typescript to devDependencies`,
  );
}

/** swc unpacks its binary where it may write, which in a read-only container is nowhere else. */
function giveRoom() {
  try {
    accessSync(tmpdir(), constants.W_OK);
  } catch {
    const folder = join(runFolder, 'swc');
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    process.env.SWC_NATIVE_BINDING_CACHE ??= folder;
  }
}

/** Whether a file becomes an ECMAScript module or CommonJS, as TypeScript decides it. */
function isModule(file, project) {
  const extension = extname(file);
  if (extension === '.mts') return true;
  if (extension === '.cts') return false;
  const kind = String(project.options.module ?? '').toLowerCase();
  if (kind.startsWith('node')) return project.isModule;
  if (kind.startsWith('es') || kind === 'preserve') return true;
  if (kind === 'commonjs') return false;
  return project.isModule;
}

function swc(compiler, project) {
  const { options } = project;
  const target = String(options.target ?? 'es2022').toLowerCase();
  const baseUrl = options.baseUrl ?? options.pathsBase;
  const base = {
    sourceMaps: true,
    configFile: false,
    swcrc: true,
    cwd: project.root,
    // Source maps and stack traces name the sources themselves.
    sourceRoot: '',
    jsc: {
      target: target === 'esnext' || target > 'es2024' ? 'es2024' : target,
      keepClassNames: true,
      externalHelpers: false,
      ...(baseUrl && options.paths ? { baseUrl, paths: options.paths } : {}),
      transform: {
        legacyDecorator: options.experimentalDecorators ?? false,
        decoratorMetadata: options.emitDecoratorMetadata ?? false,
        useDefineForClassFields: options.useDefineForClassFields ?? target >= 'es2022',
        verbatimModuleSyntax: options.verbatimModuleSyntax ?? false,
        ...(String(options.jsx ?? '').startsWith('react-jsx') ? { react: { runtime: 'automatic' } } : {}),
      },
    },
  };
  return {
    name: 'swc',
    async compile(file, text) {
      const tsx = file.endsWith('x');
      try {
        const { code, map } = await compiler.transform(text, {
          ...base,
          filename: file,
          sourceFileName: file,
          module: { type: isModule(file, project) ? 'es6' : 'commonjs' },
          jsc: { ...base.jsc, parser: { syntax: 'typescript', decorators: true, dynamicImport: true, tsx } },
        });
        return { code, map };
      } catch (error) {
        throw swcError(error, file, text, project);
      }
    },
  };
}

/** swc draws its own frame; ours is the same for every compiler and without colours. */
function swcError(error, file, text, project) {
  // eslint-disable-next-line no-control-regex
  const plain = String(error.message ?? error).replace(/\u001b\[[0-9;]*m/g, '');
  const said = /^\s*[x×]\s*(.+)$/m.exec(plain)?.[1] ?? plain.trim().split('\n')[0];
  // The line with the mark says more than the heading, which has the line's beginning.
  const place = /^ *(\d+) [|│] .*\n( *[:·] )( *)[\^─]/m.exec(plain);
  const shown = project.shown(file);
  if (!place) return new CompileError(`${shown}: ${said}`, plain.trim());
  const [line, column] = [Number(place[1]), place[3].length + 1];
  return new CompileError(`${shown}:${line}:${column}: ${said}`, codeFrame(file, line, column, shown, text) ?? plain.trim());
}

function typescript(ts, project) {
  const parsed = project.tsconfigFile
    ? ts.parseJsonConfigFileContent(
        ts.readConfigFile(project.tsconfigFile, (file) => readFileSync(file, 'utf8')).config ?? {},
        // Which files there are is not asked: each is compiled by itself.
        { useCaseSensitiveFileNames: true, fileExists: ts.sys.fileExists, readFile: ts.sys.readFile, readDirectory: () => [] },
        project.root,
      ).options
    : {};
  return {
    name: 'typescript',
    async compile(file, text) {
      const module = isModule(file, project) ? ts.ModuleKind.ESNext : ts.ModuleKind.CommonJS;
      const { outputText, sourceMapText, diagnostics } = ts.transpileModule(text, {
        fileName: file,
        reportDiagnostics: true,
        compilerOptions: {
          ...parsed,
          module,
          moduleResolution: undefined,
          noEmit: false,
          declaration: false,
          composite: false,
          incremental: false,
          sourceMap: true,
          inlineSourceMap: false,
          inlineSources: true,
        },
      });
      const error = diagnostics?.find((it) => it.category === ts.DiagnosticCategory.Error && it.file);
      if (error) {
        const { line, character } = error.file.getLineAndCharacterOfPosition(error.start);
        const shown = project.shown(file);
        const said = ts.flattenDiagnosticMessageText(error.messageText, ' ');
        throw new CompileError(
          `${shown}:${line + 1}:${character + 1}: ${said}`,
          codeFrame(file, line + 1, character + 1, shown, text),
        );
      }
      const map = JSON.parse(sourceMapText);
      const output = project.outputOf(file);
      map.sources = [relative(dirname(output), file)];
      map.sourceRoot = '';
      return { code: outputText.replace(/\n?\/\/# sourceMappingURL=.*\s*$/, '\n'), map: JSON.stringify(map) };
    },
  };
}
