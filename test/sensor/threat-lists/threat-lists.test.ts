/** Lists as files: what cannot be taken, what changes, and that the last good version goes on. */
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseIp } from '../../../src/model/ip.ts';
import { type ThreatListsConfig, threatListsConfig } from '../../../src/sensor/threat-lists/config.ts';
import { diagnoseThreatLists } from '../../../src/sensor/threat-lists/doctor.ts';
import { readListFile } from '../../../src/sensor/threat-lists/list-file.ts';
import { type ListNews, ThreatLists } from '../../../src/sensor/threat-lists/threat-lists.ts';

const DAY_MS = 86_400_000;
const LIMITS = { maxFileBytes: 1_000_000, maxIndicators: 1000 };

let folder: string;
let changes = 0;
const path = (name: string): string => join(folder, name);
/** Each write is a version of its own, however coarse the clock of the file system. */
function put(name: string, content: string | Uint8Array): string {
  writeFileSync(path(name), content);
  changes += 1;
  utimesSync(path(name), 1_767_225_600, 1_767_225_600 + changes);
  return path(name);
}
const configOf = (lists: readonly object[], more: object = {}): ThreatListsConfig =>
  threatListsConfig.parse({ lists, ...more });
const read = (name: string, more: object = {}) =>
  readListFile({ path: path(name), format: 'auto', allow_private: false, ...more }, LIMITS);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bridgewatch-threats-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('a file', () => {
  it.each([
    ['plain', 'x.txt', (text: string) => text],
    ['packed', 'x.txt.gz', (text: string) => gzipSync(text)],
    ['packed, under another name', 'x.txt', (text: string) => gzipSync(text)],
    ['with a byte order mark', 'x.txt', (text: string) => `\ufeff${text}`],
  ])('that is %s is read', async (_, name, pack) => {
    put(name, pack('198.51.100.7\n2001:db8::7\nbad.example\n'));
    const { set, format } = await read(name);

    expect(format).toBe('plain');
    expect(set.size).toBe(3);
    expect(set.hasAddress(parseIp('198.51.100.7')!)).toBe(true);
  });

  it('whose characters are cut between two pieces is read', async () => {
    put('x.txt', `${Array.from({ length: 9000 }, (_, i) => `# ümlaut ${i}`).join('\n')}\nbücher.example\n`);

    expect((await read('x.txt')).set.hasName('xn--bcher-kva.example')).toBe(true);
  });

  it('that is no UTF-8 is read where it can be', async () => {
    put('x.txt', Buffer.concat([Buffer.from([0xff, 0xfe, 0xc3, 0x28, 0x0a]), Buffer.from('bad.example\n')]));
    const { set } = await read('x.txt');

    expect(set.nameCount).toBe(1);
    expect(set.report.notUnderstood.count).toBe(1);
  });

  it('may be as large and hold as many as the bounds say, and no more', async () => {
    const lines = (count: number) =>
      Array.from({ length: count }, (_, i) => `11.0.${i >>> 8}.${i & 255}\n`).join('');
    put('full.txt', lines(1000));
    put('over.txt', lines(1001));
    put('long.txt', `bad.example\n#${'x'.repeat(999_987)}`);
    put('longer.txt', `bad.example\n#${'x'.repeat(999_988)}`);

    expect((await read('full.txt')).set.size).toBe(1000);
    await expect(read('over.txt')).rejects.toMatchObject({
      code: 'LIST_TOO_BIG',
      message: /more than 1000 indicators/,
    });
    expect((await read('long.txt')).set.size).toBe(1);
    await expect(read('longer.txt')).rejects.toMatchObject({
      code: 'LIST_TOO_BIG',
      message: /more than 1000000 bytes/,
    });
  });

  it('that unpacks to far more than it is, is given up at the bound', async () => {
    put('bomb.gz', gzipSync(Buffer.alloc(50_000_000, 0x0a)));

    await expect(read('bomb.gz')).rejects.toMatchObject({ code: 'LIST_TOO_BIG' });
  });

  it.each<[string, string, () => unknown, object?]>([
    ['missing', 'LIST_MISSING', () => {}],
    ['a directory', 'LIST_UNREADABLE', () => mkdirSync(path('x'))],
    ['a pipe that nobody writes to', 'LIST_UNREADABLE', () => execFileSync('mkfifo', [path('x')])],
    ['empty', 'LIST_EMPTY', () => put('x', '')],
    [
      'the page of a failed download',
      'LIST_EMPTY',
      () => put('x', '<html>\n<body>429 Too Many Requests</body>\n'),
    ],
    ['binary', 'LIST_EMPTY', () => put('x', Buffer.alloc(100_000))],
    [
      'gzip that was cut short',
      'LIST_DAMAGED',
      () => put('x', gzipSync('bad.example\n'.repeat(9)).subarray(0, 30)),
    ],
    ['JSON that was cut short', 'LIST_DAMAGED', () => put('x', '[{"ioc_value":"198.51.100.7"},{"ioc')],
    ['no CSV, though said to be', 'LIST_DAMAGED', () => put('x', '198.51.100.7\n'), { format: 'csv' }],
  ])('that is %s is an error that names it', async (_, code, make, more) => {
    make();

    await expect(read('x', more)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(path('x')),
    });
  });

  it('that is written while it is read is not taken', async () => {
    put('x.txt', `${'# a long file\n'.repeat(50_000)}bad.example\n`);
    const file = openSync(path('x.txt'), 'r+');
    let outcome: unknown;
    void read('x.txt').then(
      (taken) => (outcome = taken),
      (error) => (outcome = error),
    );
    while (outcome === undefined) {
      writeSync(file, '#', 0);
      await new Promise((resolve) => setImmediate(resolve));
    }

    closeSync(file);
    expect(outcome).toMatchObject({ code: 'LIST_CHANGED' });
  });

  it('that is replaced by another while it is read is taken as it was', async () => {
    put('x.txt', `${'# a long file\n'.repeat(50_000)}bad.example\n`);
    put('y.txt', 'worse.example\n');
    const reading = read('x.txt');
    await new Promise((resolve) => setImmediate(resolve));
    renameSync(path('y.txt'), path('x.txt'));

    const { set } = await reading.catch(() => read('x.txt'));
    expect(set.nameCount).toBe(1);
  });

  it('leaves the process its time while it is read', async () => {
    put('x.txt', `${'# a comment that says nothing at all\n'.repeat(25_000)}bad.example\n`);
    let turns = 0;
    let isReading = true;
    const turn = (): void => {
      turns += 1;
      if (isReading) setImmediate(turn);
    };
    turn();
    await read('x.txt');
    isReading = false;

    // 925 KB in pieces of 16 KB.
    expect(turns).toBeGreaterThan(50);
  });
});

describe('lists', () => {
  const bad = parseIp('198.51.100.7')!;
  const worse = parseIp('198.51.100.8')!;
  let news: ListNews[];
  const listsOf = (config: ThreatListsConfig): ThreatLists =>
    new ThreatLists(config, (each) => news.push(each));
  beforeEach(() => {
    news = [];
  });

  it('tell what is known, of the gravest list first, and who else has it', async () => {
    put('a.txt', '198.51.100.0/24 # a whole net\n');
    put('b.txt', '198.51.100.7:443 # one of them\nbad.example\n');
    const lists = listsOf(
      configOf([
        { path: path('a.txt'), name: 'a', severity: 'low' },
        { path: path('b.txt'), name: 'b', severity: 'critical', confidence: 'high' },
      ]),
    );
    expect(lists).toMatchObject({ isConfigured: true, hasAddresses: false, hasNames: false });
    await lists.reload();

    expect(lists.ofAddress(bad)).toEqual({
      list: 'b',
      severity: 'critical',
      confidence: 'high',
      indicator: '198.51.100.7',
      kind: 'address',
      port: 443,
      note: 'one of them',
      line: 1,
      fileChanged: (1_767_225_600 + changes) * 1_000_000,
      alsoIn: ['a'],
    });
    expect(lists.ofAddress(worse)).toMatchObject({ list: 'a', alsoIn: [] });
    expect(lists.listsName('bad.example')).toBe(true);
    expect(lists.listsName('good.example')).toBe(false);
    expect(lists).toMatchObject({ hasAddresses: true, hasNames: true });
  });

  it('take a changed file once it has stayed the same, and say what came and went', async () => {
    put('a.txt', '198.51.100.7\n198.51.100.9\n');
    const lists = listsOf(configOf([{ path: path('a.txt'), name: 'a' }]));
    await lists.reload();
    put('a.txt', '198.51.100.8\n198.51.100.9\n2001:db8::1\n');
    await lists.refresh();
    expect(lists.listsAddress(bad)).toBe(true);
    await lists.refresh();

    expect(lists.listsAddress(bad)).toBe(false);
    expect(lists.listsAddress(worse)).toBe(true);
    expect(news.map(({ loaded }) => loaded)).toMatchObject([
      { added: 2, removed: 0 },
      { added: 2, removed: 1 },
    ]);
    await lists.refresh();
    expect(news).toHaveLength(2);
  });

  it('take a changed file at once when they are told to', async () => {
    put('a.txt', '198.51.100.7\n');
    const lists = listsOf(configOf([{ path: path('a.txt'), name: 'a' }]));
    await lists.reload();
    put('a.txt', '198.51.100.8\n');
    await Promise.all([lists.reload(), lists.refresh(), lists.reload()]);

    expect(lists.listsAddress(worse)).toBe(true);
    expect(news).toHaveLength(2);
  });

  it.each<[string, () => unknown, RegExp]>([
    ['is gone', () => rmSync(path('a.txt')), /there is no .*a\.txt/],
    ['is empty', () => put('a.txt', ''), /is empty/],
    ['is a page', () => put('a.txt', '<html>\n'), /holds no indicator/],
  ])('keep the last good version of a file that %s, and say so once', async (_, spoil, problem) => {
    put('a.txt', '198.51.100.7\n');
    const lists = listsOf(configOf([{ path: path('a.txt'), name: 'a' }]));
    await lists.reload();
    spoil();
    for (let i = 0; i < 4; i++) await lists.refresh();

    expect(lists.listsAddress(bad)).toBe(true);
    expect(lists.problems(0)).toEqual([expect.stringMatching(problem)]);
    expect(lists.problems(0)[0]).toMatch(/^threat list a: .*\(the version of before is still used\)$/);
    expect(news.filter((each) => each.problem !== undefined)).toHaveLength(1);

    put('a.txt', '198.51.100.8\n');
    await lists.reload();
    expect(lists.problems(0)).toEqual([]);
    expect(lists.listsAddress(worse)).toBe(true);
  });

  it('that begin without their file take it when it comes', async () => {
    const lists = listsOf(configOf([{ path: path('a.txt'), name: 'a' }]));
    await lists.reload();
    expect(lists.problems(0)).toEqual([expect.stringContaining('there is no')]);
    put('a.txt', '198.51.100.7\n');
    await lists.refresh();
    await lists.refresh();

    expect(lists.listsAddress(bad)).toBe(true);
    expect(lists.problems(0)).toEqual([]);
  });

  it('of which one is broken are asked for the others', async () => {
    put('b.txt', '198.51.100.7\n');
    const lists = listsOf(
      configOf([
        { path: path('a.txt'), name: 'a' },
        { path: path('b.txt'), name: 'b' },
      ]),
    );
    await lists.reload();

    expect(lists.ofAddress(bad)?.list).toBe('b');
    expect(lists.problems(0)).toHaveLength(1);
  });

  it('grow old only where an age is given', async () => {
    put('a.txt', '198.51.100.7\n');
    const at = (1_767_225_600 + changes) * 1000;
    const lists = listsOf(configOf([{ path: path('a.txt'), name: 'a', max_age_days: 3 }]));
    await lists.reload();

    expect(lists.problems(at + 4 * DAY_MS - 1)).toEqual([]);
    expect(lists.problems(at + 4 * DAY_MS)).toEqual([
      expect.stringMatching(/last changed 4 days ago \(max_age_days is 3\)/),
    ]);
  });

  it('say what they passed over, printable', async () => {
    put('a.txt', '198.51.100.7\n10.0.0.0/8\n\u001b[31mx y\n');
    const lists = listsOf(configOf([{ path: path('a.txt'), name: 'a' }]));
    await lists.reload();

    expect(news[0]!.remarks).toEqual([
      'refused: 1, the first in line 2: "10.0.0.0/8" (private addresses)',
      'not understood: 1, the first in line 3: "\\x1b[31mx"',
    ]);
  });
});

describe('doctor', () => {
  it('says what each list holds, what is wrong with it, and nothing where there is none', async () => {
    put('good.txt', '198.51.100.7\n2001:db8::/48\nbad.example\n');
    put('odd.txt', '198.51.100.7\nnonsense\n');
    const config = configOf(['good', 'odd', 'none'].map((name) => ({ path: path(`${name}.txt`), name })));

    expect(await diagnoseThreatLists(config, 0)).toMatchObject([
      {
        check: 'threat list good',
        outcome: 'ok',
        detail: /^plain: addresses 1, networks 1, names 1; changed 2026-01-01T/,
      },
      { check: 'threat list odd', outcome: 'warn', detail: expect.stringContaining('not understood: 1') },
      { check: 'threat list none', outcome: 'fail', detail: expect.stringContaining('there is no') },
    ]);
    expect(await diagnoseThreatLists(configOf([]), 0)).toMatchObject([{ outcome: 'ok' }]);
  });
});

it('two lists of one name are refused', () => {
  expect(() =>
    configOf([
      { path: 'a', name: 'x' },
      { path: 'b', name: 'x' },
    ]),
  ).toThrow(/a name of its own/);
});
