/** What people are shown of a storm, and what a pipe is given. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { findingPrinter } from '../../src/cli/events/finding-printer.ts';
import { program } from '../../src/cli/program.ts';
import type { PublicRecord } from '../../src/model/serialize.ts';
import { wallMicros } from '../../src/model/time.ts';
import { Station } from '../../src/station/station.ts';
import { make } from '../cases/finding-storm-egress/make.ts';
import { memoryLogger, stationConfig } from '../station/support/harness.ts';
import { finding } from '../station/support/records.ts';
import { runProgram } from './support/run-program.ts';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'bridgewatch-storm-'));
  writeFileSync(join(folder, 'storm.pcap'), make());
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function saidBy(act: () => unknown): Promise<string> {
  let said = '';
  const spy = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    said += String(text);
    return true;
  });
  try {
    await act();
    return said;
  } finally {
    spy.mockRestore();
  }
}

const analyze = (...options: string[]): Promise<string> => {
  const file = join(folder, 'storm.pcap');
  const words = ['analyze', file, '--network', 'data=10.20.0.0/16,internal', ...options];
  return saidBy(() => program().parseAsync(['node', 'bridgewatch', ...words]));
};
const times = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].length;

describe('analyze of a storm', () => {
  it('prints what is told, and one line for all that is folded', async () => {
    const text = await analyze();
    const [, storm] = /finding-storm: [^\n]*\n {4}id ([0-9a-f]{16}) /.exec(text) ?? [];

    expect(times(text, / open {2}data {2}internal-egress: /g)).toBe(30);
    expect(text).toMatch(/CRITICAL {2}update {2}data {2}internal-egress: [^\n]*10\.20\.0\.5 /);
    expect(text).toContain(`each: bridgewatch events foldedInto:${storm}`);
    expect(text).toContain(
      `\n171 findings are told as one, the finding-storm with id ${storm}; --all prints each\n`,
    );
  });

  it('prints each with --all, saying what tells of it', async () => {
    const text = await analyze('--all');

    expect(times(text, / open {2}data {2}internal-egress: /g)).toBe(201);
    expect(times(text, / told by [0-9a-f]{16}$/gm)).toBe(171);
    expect(text).not.toContain('are told as one, the finding-storm');
  });

  it('gives each as NDJSON', async () => {
    const lines = (await analyze('--json')).trim().split('\n');
    const records = lines.map((line) => JSON.parse(line) as PublicRecord);

    expect(
      records.filter((record) => record.kind === 'finding' && record.foldedInto !== undefined),
    ).toHaveLength(171);
  });
});

describe('the findings that run prints', () => {
  it.each([
    ['text', false, ['f-1']],
    ['NDJSON', true, ['f-1', 'f-2']],
  ])('are as %s those that are told, or all', async (_, json, ids) => {
    const said = await saidBy(() => {
      const print = findingPrinter(memoryLogger().logger, json);
      print(finding(1));
      print({ ...finding(2), foldedInto: 'storm' });
    });

    expect(said.match(/f-\d/g)).toEqual(ids);
  });
});

describe('events of a storm', () => {
  let database: string;

  beforeAll(async () => {
    const config = stationConfig(folder);
    database = config.store.path;
    const station = new Station(config, { logger: memoryLogger().logger });
    await station.start();
    const lastSeen = wallMicros() - 60_000_000;
    const times = { firstSeen: lastSeen, lastSeen };
    station.receive(finding(1, { ...times, id: 'a'.repeat(16), analyzer: 'finding-storm' }));
    for (let n = 2; n < 200; n++)
      station.receive(
        finding(n, { ...times, foldedInto: 'a'.repeat(16), explanation: 'says "foldedInto":"x"' }),
      );
    station.receive(finding(300, { ...times, id: 'b'.repeat(16), explanation: 'not "foldedInto":"it"' }));
    await station.stop();
  });

  const events = async (...words: string[]) => (await runProgram(database, 'events', ...words)).stdout;

  it('shows what tells of it, and what is told by itself, though the page would be full of the others', async () => {
    const text = await events('--limit', '10');

    expect(times(text, /^\d{4}-/gm)).toBe(2);
    expect(text).toContain(`id ${'a'.repeat(16)}`);
    expect(text).toContain(`id ${'b'.repeat(16)}`);
    expect(text).toMatch(/\nFindings of a storm are left out, .* foldedInto:\* shows each\.\n$/);
  });

  it('shows each to who asks for them', async () => {
    expect(times(await events('foldedInto:*', '--limit', '500'), /^\d{4}-/gm)).toBe(198);
  });

  it('leaves nothing out for programs', async () => {
    expect((await events('--json', '--limit', '500')).trim().split('\n')).toHaveLength(200);
  });
});
