import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { temporaryDirectory } from '../station/support/harness.ts';

const WRITER = fileURLToPath(new URL('../station/support/file-writer.ts', import.meta.url));
const TSX = import.meta.resolve('tsx');
const LAST = 1_999;
/** Announced findings after which it is killed; the moment within a write is left to chance. */
const KILLED_AFTER = [40, 300, 650, 1_000, 1_400];

let directory: ReturnType<typeof temporaryDirectory>;

beforeEach(() => {
  directory = temporaryDirectory();
});

afterEach(() => directory.remove());

/** Returns the number of the last finding that was announced. */
async function runUntil(first: number, killedAfter: number): Promise<number> {
  const child = spawn(
    process.execPath,
    ['--import', TSX, WRITER, directory.path, String(first), String(LAST)],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const exited = once(child, 'close');
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
    if (Number(text.trimEnd().split('\n').at(-1)) >= killedAfter) child.kill('SIGKILL');
  });
  const [code, signal] = (await exited) as [number | null, NodeJS.Signals | null];
  if (code !== 0 && signal !== 'SIGKILL') throw new Error(`the station failed by itself: ${code ?? signal}`);
  const whole = text.slice(0, text.lastIndexOf('\n')).split('\n');
  return Number(whole.at(-1));
}

it('has each finding once, whole and in order, though the station was killed five times', async () => {
  let announced = -1;
  for (const killedAfter of [...KILLED_AFTER, Number.POSITIVE_INFINITY])
    announced = await runUntil(announced + 1, killedAfter);
  expect(announced).toBe(LAST);

  const names = readdirSync(directory.path).filter((name) => name.startsWith('x.ndjson'));
  expect(names.length, 'it was rotated too').toBeGreaterThan(2);
  const ageOf = (name: string) => Number(/\.(\d+)$/.exec(name)?.[1] ?? 0);
  const lines = names
    .toSorted((a, b) => ageOf(b) - ageOf(a))
    .flatMap((name) => readFileSync(join(directory.path, name), 'utf8').split('\n').slice(0, -1));

  const ids = lines.map((line) => (JSON.parse(line) as { id: string }).id);
  const seen = new Set(ids);
  expect(
    Array.from({ length: LAST + 1 }, (_, n) => `f-${n}`).filter((id) => !seen.has(id)),
    'lost',
  ).toEqual([]);
  expect(
    ids.filter((id, i) => ids.indexOf(id) < i),
    'twice',
  ).toEqual([]);
  expect(ids).toEqual(Array.from({ length: LAST + 1 }, (_, n) => `f-${n}`));
});
