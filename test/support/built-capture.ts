/**
 * `capture/` compiled as the build does it, in a folder of its own: run by plain Node, with or without the packages
 * it may use, and never with the native binding.
 */
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import ts from 'typescript';

const ROOT = path.resolve(import.meta.dirname, '../..');
const run = promisify(execFile);

export interface BuiltCapture {
  /** Runs ES module text that imports from `capture/...`; answers what it printed. */
  run(script: string): Promise<string>;
  remove(): void;
}

export function buildCapture(packages: readonly string[]): BuiltCapture {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'bridgewatch-build-'));
  const sources = fs
    .readdirSync(path.join(ROOT, 'capture'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.includes('build'));
  for (const source of sources) {
    const target = path.join(folder, 'capture', source.replace(/\.ts$/, '.js'));
    fs.mkdirSync(path.dirname(target), { recursive: true });
    fs.writeFileSync(target, compile(fs.readFileSync(path.join(ROOT, 'capture', source), 'utf8')));
  }
  fs.writeFileSync(path.join(folder, 'package.json'), '{"type":"module"}');
  fs.mkdirSync(path.join(folder, 'node_modules'));
  for (const name of packages) {
    fs.symlinkSync(path.join(ROOT, 'node_modules', name), path.join(folder, 'node_modules', name));
  }
  return {
    async run(script) {
      const text = script.replaceAll('capture/', `${folder}/capture/`);
      const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', text], {
        cwd: folder,
        timeout: 15_000,
      });
      return stdout.trim();
    },
    remove: () => fs.rmSync(folder, { recursive: true, force: true }),
  };
}

function compile(source: string): string {
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.ESNext,
    verbatimModuleSyntax: true,
    rewriteRelativeImportExtensions: true,
  };
  return ts.transpileModule(source, { compilerOptions: options }).outputText;
}
