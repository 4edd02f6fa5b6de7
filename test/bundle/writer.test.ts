/** What a bundle is on the disk: the same bytes for the same case, whole or not there, never over something else. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { safeName } from '../../src/bundle/paths.ts';
import { BundleWriter } from '../../src/bundle/writer.ts';
import { CREATED, FACTS, partsOf, ROOT, smallBundle, temporaryFolder, verifyBytes } from './support.ts';

const IS_ROOT = process.getuid?.() === 0;
if (!IS_ROOT) console.error('SKIPPED: a bundle on a full disk: mounting a small one needs root');

function writerIn(folder: string, maxBytes = 1_000_000): BundleWriter {
  return new BundleWriter({ path: join(folder, 'case.tar'), root: ROOT, createdSecs: CREATED, maxBytes });
}

describe('BundleWriter', () => {
  it('makes the same bytes of the same case', () => {
    const one = smallBundle(temporaryFolder());
    const other = smallBundle(temporaryFolder());

    expect(one.archive.equals(other.archive)).toBe(true);
    expect(one.sha256).toBe(other.sha256);
  });

  it('is unpacked by tar without a word, and passes sha256sum -c', () => {
    const folder = temporaryFolder();
    const { path } = smallBundle(folder);

    const listed = execFileSync('tar', ['--utc', '-tvf', path], { encoding: 'utf8' });
    execFileSync('tar', ['xf', path, '-C', folder]);
    const checked = execFileSync('sha256sum', ['-c', 'SHA256SUMS'], {
      cwd: join(folder, ROOT),
      encoding: 'utf8',
    });

    expect(listed.split('\n')[0]).toMatch(
      /^-rw------- 0\/0 +9 2026-11-23 14:02 bridgewatch-case-1\/README\.md$/,
    );
    expect(checked).toBe('README.md: OK\nflows.ndjson: OK\ndns.ndjson: OK\nmanifest.json: OK\n');
    expect(readFileSync(join(folder, ROOT, 'flows.ndjson'), 'utf8')).toBe(`${'x'.repeat(511)}\n`);
  });

  it('is for nobody else to read', () => {
    const { path } = smallBundle(temporaryFolder());

    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('overwrites nothing, and says so', () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'case.tar'), 'evidence');

    expect(() => smallBundle(folder)).toThrow(/case\.tar: it exists already, and is not overwritten/);
    expect(readFileSync(join(folder, 'case.tar'), 'utf8')).toBe('evidence');
    expect(readdirSync(folder)).toEqual(['case.tar']);
  });

  it('overwrites nothing that came while it was written', () => {
    const folder = temporaryFolder();
    const writer = writerIn(folder);
    writeFileSync(join(folder, 'case.tar'), 'evidence');

    expect(() => writer.finish(FACTS)).toThrow(/exists already/);
    expect(readFileSync(join(folder, 'case.tar'), 'utf8')).toBe('evidence');
  });

  it('leaves nothing when it is given up', () => {
    const folder = temporaryFolder();
    const writer = writerIn(folder);
    writer.add('README.md', 'what', ['text']);

    writer.discard();

    expect(readdirSync(folder)).toEqual([]);
  });

  it('says that a folder is not there', () => {
    expect(() => writerIn(join(temporaryFolder(), 'none'))).toThrow(/its folder does not exist; .* with -o/);
  });

  it.skipIf(!IS_ROOT)('says that the disk is full', () => {
    const folder = temporaryFolder();
    // A file system of 64 KiB; it goes with its namespace.
    const script = `mount -t tmpfs -o size=64k none "$1" && exec "$2" --import tsx "$3" "$1"`;
    const program = join(folder, 'fill.mts');
    const source = new URL('../../src/bundle/writer.ts', import.meta.url).href;
    writeFileSync(
      program,
      `import { readdirSync } from 'node:fs';
       import { BundleWriter } from '${source}';
       const writer = new BundleWriter({ path: process.argv[2] + '/c.tar', root: 'r', createdSecs: 1, maxBytes: 1e9 });
       try { writer.add('a', 'b', Array.from({ length: 100 }, () => 'x'.repeat(10_000))); writer.finish(${JSON.stringify(FACTS)}); }
       catch (error) { console.log(error.code, error.message); }
       writer.discard();
       console.log(readdirSync(process.argv[2]).length);`,
    );
    const said = execFileSync(
      'unshare',
      ['-m', 'bash', '-c', script, 'bash', temporaryFolder(), process.execPath, program],
      { encoding: 'utf8', cwd: new URL('../../', import.meta.url) },
    );

    expect(said).toMatch(/^BUNDLE_FILE cannot write .*the disk is full; nothing of it is left/);
    expect(said.trimEnd().endsWith('\n0')).toBe(true);
  });

  it('cuts between lines when there is no room, never exceeds its bound, and is still whole', async () => {
    const folder = temporaryFolder();
    const writer = writerIn(folder, 30_000);
    const line = `${'y'.repeat(999)}\n`;

    const isWhole = writer.add(
      'flows.ndjson',
      'flows',
      Array.from({ length: 100 }, () => line),
    );
    const isNextWhole = writer.add('dns.ndjson', 'look-ups', [line]);
    writer.lacks('flows.ndjson', 'no room');
    const { bytes, manifest } = writer.finish(FACTS);

    expect([isWhole, isNextWhole]).toEqual([false, false]);
    expect(manifest.files.map((file) => file.bytes % line.length)).toEqual([0, 0]);
    expect(manifest.files[0]!.bytes).toBeGreaterThan(10_000);
    expect(bytes).toBeLessThanOrEqual(30_000);
    const verdict = await verifyBytes(readFileSync(join(folder, 'case.tar')));
    expect(verdict.problems).toEqual([]);
    expect(verdict.manifest?.missing).toEqual([{ what: 'flows.ndjson', why: 'no room' }]);
  });

  it('is read again however much is missing, and however long a name is', async () => {
    const folder = temporaryFolder();
    const writer = writerIn(folder, 10_000_000);
    for (let i = 0; i < 5010; i++) writer.lacks(`packets ${i}`, 'let go');

    writer.finish({
      ...FACTS,
      subject: { kind: 'subject', asked: 'n'.repeat(50_000), filter: 'ü'.repeat(50_000) },
    });

    const { problems, manifest } = await verifyBytes(readFileSync(join(folder, 'case.tar')));
    expect(problems).toEqual([]);
    expect(manifest?.missing).toHaveLength(5001);
    expect(manifest?.missing.at(-1)?.why).toBe('10 further things are not in it, and not listed');
  });

  it('copies a file as it is, or not at all', async () => {
    const folder = temporaryFolder();
    const packets = Buffer.from(Array.from({ length: 700_001 }, (_, i) => (i * 31) & 255));
    writeFileSync(join(folder, 'p.pcapng'), packets);
    const writer = writerIn(folder, 1_000_000);

    const first = writer.addCopy('evidence/p.pcapng', 'packets', join(folder, 'p.pcapng'));
    const second = writer.addCopy('evidence/q.pcapng', 'packets', join(folder, 'p.pcapng'));
    writer.finish(FACTS);

    const archive = readFileSync(join(folder, 'case.tar'));
    expect(first?.bytes).toBe(packets.length);
    expect(second).toBeUndefined();
    expect(
      partsOf(archive)
        .parts[0]!.bytes.subarray(512, 512 + packets.length)
        .equals(packets),
    ).toBe(true);
    expect((await verifyBytes(archive)).problems).toEqual([]);
  });

  it('follows no link and opens no device, and goes on', async () => {
    const folder = temporaryFolder();
    symlinkSync('/etc/hostname', join(folder, 'link.pcapng'));
    const writer = writerIn(folder);

    for (const [from, why] of [
      [join(folder, 'link.pcapng'), /it is a symbolic link, which is not followed/],
      ['/dev/zero', /it is no plain file/],
      [folder, /it is no plain file/],
      [join(folder, 'none'), /it is not there, and nothing is recorded of why/],
    ] as const)
      expect(() => writer.addCopy('evidence/x.pcapng', 'packets', from)).toThrow(why);
    writer.finish(FACTS);

    const { problems, manifest } = await verifyBytes(readFileSync(join(folder, 'case.tar')));
    expect([problems, manifest?.files]).toEqual([[], []]);
  });

  it('takes pieces of more than one buffer in their order', async () => {
    const folder = temporaryFolder();
    const writer = writerIn(folder, 5_000_000);
    const lines = Array.from({ length: 40_000 }, (_, i) => `${String(i).padStart(60, '.')}\n`);

    writer.add('flows.ndjson', 'flows', lines);
    writer.finish(FACTS);

    const archive = readFileSync(join(folder, 'case.tar'));
    expect(archive.toString('utf8', 512, 512 + lines.length * 61)).toBe(lines.join(''));
    expect((await verifyBytes(archive)).problems).toEqual([]);
  });
});

describe('safeName', () => {
  it.each([
    ['shop/db', 'shop-db'],
    ['../../etc/passwd', 'etc-passwd'],
    ['network:shop_data direction:egress', 'network-shop_data-direction-egress'],
    ['\u001b[2J\u202e', '2J'],
    ['..', 'unnamed'],
    ['', 'unnamed'],
    ['a'.repeat(100), 'a'.repeat(60)],
  ])('makes %j %j', (name, safe) => {
    expect(safeName(name)).toBe(safe);
  });
});
