/** `analyze` over the files of a case, through the real executable. */
import fs from 'node:fs';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { bridgewatch, NOT_BUILT, onTerminal, records, unsafeText } from '../cli/support/bridgewatch.ts';
import { captureFolder } from '../support/capture-folder.ts';
import { dnsQuery, pcapFile, tcpFrame, udpFrame } from '../support/packet-builder.ts';

if (NOT_BUILT !== undefined) console.error(`SKIPPED: analyze over many files: ${NOT_BUILT}`);

const NETWORK = ['--network', 'data=172.30.0.0/24,internal'];
/** 2026-01-01T00:00:00Z */
const T0 = 1_767_225_600_000_000;
const MINUTE = 60_000_000;

/** A container of an internal network tries to leave it, over and over, from `minute` on. */
function attempts(minute: number, count = 60): Uint8Array {
  return pcapFile(
    Array.from({ length: count }, (_, i) => ({
      frame:
        i % 2 === 0
          ? tcpFrame({ src: '172.30.0.2', dst: '198.51.100.7', sport: 40_000 + i, dport: 443, flags: 'S' })
          : udpFrame(
              { src: '172.30.0.2', dst: '172.30.0.1', sport: 41_000 + i, dport: 53 },
              dnsQuery({ name: `host${i}.example.com`, id: i }),
            ),
      timeMicros: T0 + Math.round(minute * MINUTE) + i * 1_000_000,
    })),
  );
}

describe.skipIf(NOT_BUILT !== undefined)('analyze over a case', () => {
  const folder = captureFolder();
  const turn = (i: number) => `out_0000${i}_2026010100000${i}.pcap`;
  for (const i of [1, 2, 3]) folder.write(`turns/${turn(i)}`, attempts(i));
  folder.write('whole.pcap', fs.readFileSync(folder.at(`turns/${turn(1)}`)));
  const whole = [1, 2, 3].map((i) => fs.readFileSync(folder.at(`turns/${turn(i)}`)));
  folder.write('whole.pcap', Buffer.concat([whole[0]!, ...whole.slice(1).map((file) => file.subarray(24))]));

  const analyze = (...args: string[]) => bridgewatch(['analyze', ...args, ...NETWORK, '--json']);

  it('says the same bytes whatever the order of the files, and finds what it finds in one file', async () => {
    const files = [1, 2, 3].map((i) => folder.at(`turns/${turn(i)}`));

    const [named, reversed, found, one] = await Promise.all([
      analyze(...files, '--flows', '--dns'),
      analyze(...[...files].reverse(), '--flows', '--dns'),
      analyze(folder.at('turns'), '--flows', '--dns'),
      analyze(folder.at('whole.pcap'), '--flows', '--dns'),
    ]);

    expect(named.code).toBe(0);
    expect(reversed.stdout).toBe(named.stdout);
    expect(found.stdout).toBe(named.stdout);
    // But for the name of the file, which stands for an interface that has none.
    const last = { ...records(named.stdout).at(-1)!, files: undefined };
    expect(last).toEqual({ ...records(one.stdout).at(-1)!, files: undefined });
    const told = (stdout: string) => stdout.trim().split('\n').slice(0, -1).join('\n');
    expect(told(named.stdout).replaceAll(turn(1), 'whole.pcap')).toBe(told(one.stdout));
  });

  it('takes only what lies in the range, both ends', async () => {
    const { stdout } = await analyze(
      folder.at('turns'),
      '--since',
      '2026-01-01 00:02:10',
      '--until',
      '2026-01-01 00:02:20',
    );

    expect(records(stdout).at(-1)).toMatchObject({
      packets: 10,
      first: '2026-01-01T00:02:10.000000Z',
      last: '2026-01-01T00:02:19.000000Z',
      files: { whole: 2, outside: 1 },
    });
  });

  it('refuses a range in which nothing lies', async () => {
    const { code, stderr } = await analyze(
      folder.at('turns'),
      '--since',
      '2026-01-02',
      '--until',
      '2026-01-01',
    );

    expect(code).toBe(2);
    expect(stderr).toContain('nothing lies between');
  });

  it('analyses what can be read, names the rest safely, and says so in the exit code', async () => {
    const hostile = '\u001b[2J\u202eforged\nbridgewatch: all is well.pcap';
    folder.write('bad/good.pcap', attempts(1, 4));
    folder.write(`bad/${hostile}`, attempts(2, 4).subarray(0, -5));
    folder.write('bad/cut.pcap.gz', gzipSync(attempts(3)).subarray(0, -20));
    folder.write('bad/readme.md', '# what happened');
    for (let i = 0; i < 30; i++)
      folder.write(`bad/packed/${i}.pcap.xz`, Buffer.from('fd377a585a0000', 'hex'));

    const { code, stdout, stderr } = await bridgewatch(['analyze', folder.at('bad'), ...NETWORK]);

    expect(code).toBe(3);
    expect(unsafeText(stdout + stderr)).toBeUndefined();
    expect(stderr.split('\n').filter((line) => line.startsWith('bridgewatch: all is well'))).toEqual([]);
    expect(stderr).toContain('ends inside a record');
    expect(stderr).toContain('and 12 files more');
    expect(stderr).toContain('32 of 33 files');
    expect(stdout).toContain('files: unreadable 30, cut 2, whole 1, not-a-capture 1');
    expect(stdout).toContain('internal-egress');
  });

  it('ends with the words and the exit code of one file where one is named', async () => {
    const cut = folder.write('cut.pcap', attempts(1).subarray(0, -5));

    const { code, stderr } = await bridgewatch(['analyze', cut]);

    expect(code).toBe(3);
    expect(stderr).toMatch(/^bridgewatch: not read to the end: .*cut\.pcap ends inside a record.*\n$/);
  });

  it('reads stdin beside files', async () => {
    const { code, stdout } = await bridgewatch(['analyze', '-', folder.at(`turns/${turn(1)}`), '--json'], {
      stdin: attempts(1, 10),
    });

    expect(code).toBe(0);
    expect(records(stdout).at(-1)).toMatchObject({ packets: 70, files: { whole: 2 } });
  });

  it('shows progress over all files on a terminal, and nowhere else', async () => {
    const many = captureFolder();
    for (let i = 0; i < 1500; i++) many.write(`dump-${1_767_225_600 + i}.pcap`, attempts(i / 60, 1));

    const [shown, silent] = await Promise.all([
      onTerminal(['analyze', many.path]),
      bridgewatch(['analyze', many.path]),
    ]);

    expect(shown.stdout).toMatch(/\d+ %.*packets {2}\d+ of 1500 files/);
    expect(silent.stderr).toBe('');
  });
});
