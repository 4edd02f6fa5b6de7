/** That nothing about a bundle can change unseen, and that no archive does anything to whoever looks at it. */

import { execFileSync } from 'node:child_process';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { type BundledFile, type Manifest, manifestText, sumsText } from '../../src/bundle/manifest.ts';
import { readPublicKey, readSigner } from '../../src/bundle/signature.ts';
import { tarHeader } from '../../src/bundle/tar.ts';
import { verifyFolder } from '../../src/bundle/verify-folder.ts';
import {
  CREATED,
  joined,
  type Part,
  part,
  partsOf,
  ROOT,
  smallBundle,
  temporaryFolder,
  verifyBytes,
  withChecksum,
} from './support.ts';

const kindsOf = ({ problems }: Awaited<ReturnType<typeof verifyBytes>>) =>
  problems.map(({ problem }) => problem);

/** A byte of another value for each place; the same in each run. */
function otherValue(at: number, byte: number): number {
  return byte ^ (1 + (((at * 2_654_435_761) >>> 8) % 255));
}

describe('an archive', () => {
  it('as it was written has no problem, and the hash that was told', async () => {
    const { archive, sha256, bytes } = smallBundle(temporaryFolder());

    const verdict = await verifyBytes(archive, { sha256 });

    expect(verdict.problems).toEqual([]);
    expect(verdict.sha256).toBe(sha256);
    expect(sha256).toBe(createHash('sha256').update(archive).digest('hex'));
    expect(bytes).toBe(archive.length);
    expect(verdict.manifest?.files.map(({ path }) => path)).toEqual([
      'README.md',
      'flows.ndjson',
      'dns.ndjson',
    ]);
  });

  it('in which any one byte changed is seen, wherever that byte is', async () => {
    const { archive } = smallBundle(temporaryFolder());
    const unseen: number[] = [];

    for (let at = 0; at < archive.length; at++) {
      const changed = Buffer.from(archive);
      for (const value of [archive[at]! ^ 1, otherValue(at, archive[at]!)]) {
        changed[at] = value;
        if ((await verifyBytes(changed)).problems.length === 0) unseen.push(at);
      }
    }

    expect(archive.length).toBe(6144);
    expect(unseen).toEqual([]);
  }, 60_000);

  it('in which any one bit of a signature changed is seen without a key', async () => {
    const folder = temporaryFolder();
    const { archive } = smallBundle(folder, { signer: readSigner(keyIn(folder).privatePath) });
    const { parts } = partsOf(archive);
    const begin = archive.length - 1024 - 512;
    expect(parts.at(-1)!.path).toBe('SHA256SUMS.sig');

    for (let bit = 0; bit < 64 * 8; bit++) {
      const changed = Buffer.from(archive);
      changed[begin + (bit >> 3)]! ^= 1 << (bit & 7);
      expect(kindsOf(await verifyBytes(changed))).toEqual(['signature']);
    }
  });

  it('that ends early is seen, wherever it ends', async () => {
    const { archive } = smallBundle(temporaryFolder());

    for (let length = 0; length < archive.length; length += 97)
      expect((await verifyBytes(archive.subarray(0, length))).problems, String(length)).not.toEqual([]);
    expect((await verifyBytes(archive.subarray(0, archive.length - 1))).problems).not.toEqual([]);
  });

  it('with something behind its end is seen, be it zeros', async () => {
    const { archive } = smallBundle(temporaryFolder());

    for (const behind of ['\0', 'x', '\0'.repeat(512), '\0'.repeat(10_240)])
      expect(kindsOf(await verifyBytes(Buffer.concat([archive, Buffer.from(behind)])))).toEqual(['end']);
  });

  it.each(['README.md', 'flows.ndjson', 'dns.ndjson', 'manifest.json', 'SHA256SUMS'])(
    'without %s is missing it',
    async (path) => {
      const { parts, end } = partsOf(smallBundle(temporaryFolder()).archive);

      const verdict = await verifyBytes(
        joined(
          parts.filter((one) => one.path !== path),
          end,
        ),
      );

      expect(kindsOf(verdict)).toEqual([path === 'manifest.json' ? 'manifest' : 'missing']);
    },
  );

  it('with one file more, one twice, or two in another order is seen, with the name', async () => {
    const { parts, end } = partsOf(smallBundle(temporaryFolder()).archive);
    const [readme, flows, dns, ...rest] = parts as [Part, Part, Part, ...Part[]];
    const more = part('planted.txt', 'proof');

    const added = await verifyBytes(joined([readme, flows, more, dns, ...rest], end));
    const twice = await verifyBytes(joined([readme, flows, flows, dns, ...rest], end));
    const swapped = await verifyBytes(joined([flows, readme, dns, ...rest], end));
    const behind = await verifyBytes(joined([...rest, readme, flows, dns], end));

    expect(added.problems).toMatchObject([{ problem: 'added', path: 'planted.txt' }]);
    expect(twice.problems).toMatchObject([{ problem: 'duplicate', path: 'flows.ndjson' }]);
    expect(swapped.problems).toMatchObject([{ problem: 'order', path: 'README.md' }]);
    expect(kindsOf(behind)).toEqual(['order', 'order', 'order']);
  });

  it('goes on behind a broken header, so that one flipped byte is not told as everything missing', async () => {
    const { archive } = smallBundle(temporaryFolder());
    const { parts } = partsOf(archive);
    const changed = Buffer.from(archive);
    changed[parts[0]!.bytes.length + 130]! ^= 1;

    const { problems } = await verifyBytes(changed);

    expect(problems.map(({ problem, path }) => [problem, path])).toEqual([
      ['header', `${ROOT}/flows.ndjson`],
      ['missing', 'flows.ndjson'],
    ]);
  });

  it('written anew as a whole agrees with itself, and only its hash tells', async () => {
    const { archive, manifest, sha256 } = smallBundle(temporaryFolder());
    const forged = rewritten(manifest, [['README.md', '# Another case\n'], ...contentsOf(archive).slice(1)]);

    expect((await verifyBytes(forged)).problems).toEqual([]);
    expect(kindsOf(await verifyBytes(forged, { sha256 }))).toEqual(['hash']);
  });

  it('whose content and manifest were changed, and not the sums, contradicts itself', async () => {
    const { archive, manifest } = smallBundle(temporaryFolder());
    const forged = partsOf(
      rewritten(manifest, [['README.md', '# Another\n'], ...contentsOf(archive).slice(1)]),
    );
    const { parts, end } = partsOf(archive);

    const mixed = joined([...forged.parts.slice(0, 4), parts[4]!], end);

    expect(kindsOf(await verifyBytes(mixed))).toEqual(['sums']);
  });

  it('of which the manifest tells another time or folder is seen', async () => {
    const { archive, manifest } = smallBundle(temporaryFolder());

    const later = rewritten({ ...manifest, created: '2026-11-23T14:02:08Z' }, contentsOf(archive));
    const elsewhere = rewritten({ ...manifest, root: 'another' }, contentsOf(archive));

    expect(kindsOf(await verifyBytes(later))).toEqual(['header']);
    expect(kindsOf(await verifyBytes(elsewhere))).toEqual(['header']);
  });

  it('that somebody packed is told how to check', async () => {
    const { archive } = smallBundle(temporaryFolder());

    const { problems } = await verifyBytes(gzipSync(archive));

    expect(problems[0]).toMatchObject({ problem: 'format', detail: expect.stringContaining('gzip -dc') });
    expect(problems).toHaveLength(2);
  });

  it.each([
    ['nothing', Buffer.alloc(0), 'format'],
    ['a short text', Buffer.from('hello'), 'format'],
    ['zeros', Buffer.alloc(4096), 'end'],
    ['noise', Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 7919) % 251)), 'header'],
  ])('that is %s is none', async (_, bytes, kind) => {
    const verdict = await verifyBytes(bytes);

    expect(kindsOf(verdict)).toContain(kind);
    expect(kindsOf(verdict)).toContain('manifest');
  });
});

describe('a hostile archive', () => {
  const evil = (over: (header: Buffer) => void, content = ''): Part => {
    const { path, bytes } = part('evil', content);
    const copy = Buffer.from(bytes);
    over(copy);
    withChecksum(copy.subarray(0, 512));
    return { path, bytes: copy };
  };
  const named = (name: string, root = ROOT) =>
    evil((header) => {
      header.fill(0, 0, 100);
      header.write(name, 0, 'latin1');
      header.fill(0, 345, 500);
      header.write(root, 345, 'latin1');
    });
  const typed = (type: string) => evil((header) => void header.write(type, 156, 'latin1'));

  it.each([
    ['an absolute path', named('/etc/passwd', ''), 'absolute'],
    ['a folder that is absolute', named('passwd', '/etc'), 'absolute'],
    ['a path that leads out', named('../../etc/passwd'), 'leads out'],
    ['a folder that leads out', named('passwd', '../../etc'), 'leads out'],
    ['a path with a terminal escape', named('\u001b[2Jx'), 'none that a bundle has'],
    ['a hidden file', named('.bashrc'), 'none that a bundle has'],
    ['a file in no folder', named('lonely', ''), 'none that a bundle has'],
    ['a file in two folders', named('x', `${ROOT}/sub`), 'none that a bundle has'],
    ['a file in another folder', named('x', 'elsewhere'), 'another folder'],
    ['a hard link', typed('1'), 'hard link'],
    ['a symbolic link', typed('2'), 'symbolic link'],
    ['a device', typed('3'), 'character device'],
    ['a folder', typed('5'), 'folder'],
    ['an extended header', typed('x'), 'extended header'],
    ['a long name of GNU', typed('L'), 'extended header'],
    ['a type of its own', typed('Z'), 'unknown type'],
    ['an owner', evil((header) => void header.write('0001750', 108, 'latin1')), 'byte 111'],
    ['a mode of its own', evil((header) => void header.write('0004755', 100, 'latin1')), 'byte 103'],
    ['a size in base 256', evil((header) => void header.writeUInt8(0x80, 124)), 'no number'],
    ['bytes behind its name', evil((header) => void header.write('x', 90, 'latin1')), 'byte 90'],
    ['bytes where zeros belong', evil((header) => void header.write('x', 505, 'latin1')), 'byte 505'],
  ])('with %s is refused, with the reason', async (_, entry, reason) => {
    const { parts, end } = partsOf(smallBundle(temporaryFolder()).archive);

    const { problems } = await verifyBytes(joined([parts[0]!, entry, ...parts.slice(1)], end));

    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatchObject({ problem: 'header', detail: expect.stringContaining(reason) });
  });

  it('that claims 8 GiB and has none of them is cut, and costs no memory', async () => {
    const header = tarHeader({ root: ROOT, path: 'manifest.json', bytes: 8 ** 11 - 1, mtimeSecs: CREATED });

    expect(kindsOf(await verifyBytes(header))).toEqual(['manifest', 'end', 'manifest']);
  });

  it('with more problems than anybody reads tells the first thousand, and how many more', async () => {
    const { parts, end } = partsOf(smallBundle(temporaryFolder()).archive);
    const many = Array.from({ length: 1500 }, (_, i) => part(`planted-${i}`, ''));

    const { problems, furtherProblems } = await verifyBytes(joined([...parts, ...many], end));

    expect(problems).toHaveLength(1000);
    expect(furtherProblems).toBe(500);
  });

  it('with more files than any bundle has is given up', async () => {
    const many = Array.from({ length: 20_010 }, (_, i) => part(`f${i}`, '').bytes);

    const { problems } = await verifyBytes(Buffer.concat(many));

    expect(problems).toContainEqual(
      expect.objectContaining({ detail: expect.stringContaining('more than 20000 files') }),
    );
  });

  it.each([
    ['no JSON', 'x', 'no JSON'],
    ['null', 'null', 'expected object'],
    ['of a newer version', '{"format":"bridgewatch-bundle","version":2}', 'newer Bridgewatch'],
    ['deep', '['.repeat(100_000), 'no JSON'],
  ])('whose manifest is %s is refused', async (_, text, reason) => {
    const { parts, end } = partsOf(smallBundle(temporaryFolder()).archive);
    const manifest = part('manifest.json', text);

    const { problems } = await verifyBytes(joined([...parts.slice(0, 3), manifest, ...parts.slice(4)], end));

    expect(problems).toMatchObject([{ problem: 'manifest', detail: expect.stringContaining(reason) }]);
  });

  it('whose manifest lists a path that leads out, a voucher, or one twice is refused', async () => {
    const { archive, manifest } = smallBundle(temporaryFolder());
    const with_ = (file: BundledFile) =>
      rewritten({ ...manifest, files: [...manifest.files, file] }, contentsOf(archive), true);
    const [readme] = manifest.files as [BundledFile, ...BundledFile[]];

    expect(kindsOf(await verifyBytes(with_({ ...readme, path: '../x' })))).toEqual(['manifest']);
    expect(kindsOf(await verifyBytes(with_({ ...readme, path: 'SHA256SUMS' })))).toContain('manifest');
    expect(kindsOf(await verifyBytes(with_(readme)))).toContain('manifest');
  });
});

describe('a signature', () => {
  it('fits the key of whoever made it, and no other', async () => {
    const folder = temporaryFolder();
    const alice = keyIn(folder, 'alice');
    const bob = keyIn(folder, 'bob');
    const { archive } = smallBundle(folder, { signer: readSigner(alice.privatePath) });

    expect((await verifyBytes(archive)).problems).toEqual([]);
    expect((await verifyBytes(archive, { publicKey: readPublicKey(alice.publicPath) })).problems).toEqual([]);
    expect(kindsOf(await verifyBytes(archive, { publicKey: readPublicKey(bob.publicPath) }))).toEqual([
      'signature',
    ]);
  });

  it('is missed where a key was given and nobody signed', async () => {
    const folder = temporaryFolder();
    const { archive } = smallBundle(folder);

    expect(
      kindsOf(await verifyBytes(archive, { publicKey: readPublicKey(keyIn(folder).publicPath) })),
    ).toEqual(['signature']);
  });

  it('cannot be taken off, and taken over by another key only where nobody gives one', async () => {
    const folder = temporaryFolder();
    const { archive } = smallBundle(folder, { signer: readSigner(keyIn(folder).privatePath) });
    const { parts, end } = partsOf(archive);

    expect(kindsOf(await verifyBytes(joined(parts.slice(0, -1), end)))).toEqual(['missing']);
  });

  it('is made with Ed25519 only, and says how to make such a key', () => {
    const folder = temporaryFolder();
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const path = join(folder, 'ec.pem');
    writeFileSync(path, privateKey.export({ format: 'pem', type: 'pkcs8' }));

    expect(() => readSigner(path)).toThrow(/no Ed25519 key.*openssl genpkey -algorithm ed25519/);
    expect(() => readSigner(join(folder, 'none.pem'))).toThrow(/cannot read --sign-key/);
  });
});

describe('a folder that came out of a bundle', () => {
  function unpacked(): string {
    const folder = temporaryFolder();
    const { path } = smallBundle(folder);
    execFileSync('tar', ['xf', path, '-C', folder]);
    return join(folder, ROOT);
  }

  it('is what was written, until something of it changes', async () => {
    const folder = unpacked();
    expect((await verifyFolder(folder)).problems).toEqual([]);

    truncateSync(join(folder, 'flows.ndjson'), 511);
    expect((await verifyFolder(folder)).problems).toMatchObject([
      { problem: 'changed', path: 'flows.ndjson' },
    ]);
  });

  it.each([
    ['a changed file', (at: string) => writeFileSync(join(at, 'README.md'), '# A cas3\n'), ['changed']],
    ['a file less', (at: string) => rmSync(join(at, 'dns.ndjson')), ['missing']],
    ['a file more', (at: string) => writeFileSync(join(at, 'x'), ''), ['added']],
    ['a hidden file more', (at: string) => writeFileSync(join(at, '.x'), ''), ['added']],
    [
      'a renamed file',
      (at: string) => renameSync(join(at, 'dns.ndjson'), join(at, 'd')),
      ['added', 'missing'],
    ],
    ['no sums', (at: string) => rmSync(join(at, 'SHA256SUMS')), ['missing']],
    ['no manifest', (at: string) => rmSync(join(at, 'manifest.json')), ['manifest']],
    ['other sums', (at: string) => writeFileSync(join(at, 'SHA256SUMS'), ''), ['sums']],
    ['a file in a folder more', (at: string) => mkdirWith(join(at, 'sub'), 'x'), ['added']],
  ])('with %s is seen', async (_, change, kinds) => {
    const folder = unpacked();
    change(folder);

    expect(kindsOf(await verifyFolder(folder))).toEqual(kinds);
  });

  it('follows no link, not even to the same content', async () => {
    const folder = unpacked();
    renameSync(join(folder, 'README.md'), join(folder, '..', 'README.md'));
    symlinkSync('../README.md', join(folder, 'README.md'));

    expect(kindsOf(await verifyFolder(folder))).toEqual(['added', 'missing']);
  });
});

function mkdirWith(folder: string, file: string): void {
  mkdirSync(folder);
  writeFileSync(join(folder, file), '');
}

function keyIn(folder: string, name = 'key') {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const [privatePath, publicPath] = [join(folder, `${name}.pem`), join(folder, `${name}.pub`)];
  writeFileSync(privatePath, privateKey.export({ format: 'pem', type: 'pkcs8' }));
  chmodSync(privatePath, 0o600);
  writeFileSync(publicPath, publicKey.export({ format: 'pem', type: 'spki' }));
  return { privatePath, publicPath };
}

function contentsOf(archive: Buffer): [path: string, content: Buffer | string][] {
  return partsOf(archive)
    .parts.slice(0, 3)
    .map(({ path, bytes }) => {
      const size = Number.parseInt(bytes.toString('latin1', 124, 135), 8);
      return [path, bytes.subarray(512, 512 + size)];
    });
}

/** All hashes made new, as somebody would who knows how; `asTold`: the manifest's list stays as it is. */
function rewritten(
  manifest: Manifest,
  contents: readonly (readonly [path: string, content: Buffer | string])[],
  asTold = false,
): Buffer {
  const sha256 = (bytes: Buffer | string) => createHash('sha256').update(bytes).digest('hex');
  const files = asTold
    ? manifest.files
    : contents.map(([path, content], i) => ({
        ...manifest.files[i]!,
        path,
        bytes: Buffer.byteLength(content),
        sha256: sha256(content),
      }));
  const told = manifestText({ ...manifest, files });
  const parts = [
    ...contents.map(([path, content]) => part(path, content)),
    part('manifest.json', told),
    part('SHA256SUMS', sumsText(files, sha256(told))),
  ];
  return joined(parts, Buffer.alloc(1024));
}
