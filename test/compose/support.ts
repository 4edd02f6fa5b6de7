/** A folder of Compose files that is there as long as the tests of a file run. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll } from 'vitest';
import { loadCompose, type ProjectRequest } from '../../src/compose/load.ts';
import type { ComposeModel, ComposeService } from '../../src/compose/model.ts';
import { ComposeError } from '../../src/compose/problem.ts';

const root = mkdtempSync(join(tmpdir(), 'bridgewatch-compose-'));
let made = 0;

afterAll(() => {
  rmSync(root, { recursive: true, force: true });
});

/** Paths below it, and their texts; the folder is named as a project may be. */
export function folderOf(files: Readonly<Record<string, string>>, name = 'shop'): string {
  made += 1;
  const folder = join(root, String(made), name);
  mkdirSync(folder, { recursive: true });
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}

export interface Loaded extends ComposeModel {
  service(name: string): ComposeService;
  /** `web: variable X ...`, without the places. */
  remarked(): string[];
}

/** The first file is `compose.yaml`, unless others are named. */
export function load(
  files: string | Readonly<Record<string, string>>,
  request: Partial<Omit<ProjectRequest, 'files'>> & { readonly files?: readonly string[] } = {},
): Loaded {
  const folder = folderOf(typeof files === 'string' ? { 'compose.yaml': files } : files);
  const { files: names = ['compose.yaml'], ...rest } = request;
  const model = loadCompose({
    ...{ shell: {}, isStrict: true, ...rest },
    files: names.map((name) => join(folder, name)),
  });
  return {
    ...model,
    service: (name) => {
      const found = model.services.find((each) => each.name === name);
      if (found === undefined)
        throw new Error(`no service ${name}: ${model.services.map((each) => each.name)}`);
      return found;
    },
    remarked: () => model.remarks.map(({ text }) => text),
  };
}

/** `3:7: what is wrong`, of the file that it is in. */
export function problemOf(
  files: string | Readonly<Record<string, string>>,
  request: Parameters<typeof load>[1] = {},
): string {
  try {
    load(files, request);
  } catch (error) {
    if (!(error instanceof ComposeError)) throw error;
    const { place, problem } = error;
    return `${place === undefined ? '' : `${place.line}:${place.column}: `}${problem.replaceAll(root, '')}`;
  }
  throw new Error('it was read');
}

/** `0.0.0.0` is left out where none was asked for. */
export function portTexts({ ports }: ComposeService): string[] {
  return ports.map(
    ({ hostIp, hostPort, containerPort, protocol }) =>
      `${hostIp === undefined ? '' : `${hostIp} `}${hostPort}->${containerPort}/${protocol}`,
  );
}
