/** Small bundles for tests, and what can be done to them. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import type { Signer } from '../../src/bundle/signature.ts';
import { paddingBytes, tarHeader } from '../../src/bundle/tar.ts';
import { type Expected, type Verdict, verifyArchive } from '../../src/bundle/verify.ts';
import { BundleWriter, type CaseFacts, type WrittenBundle } from '../../src/bundle/writer.ts';

/** 2026-11-23T14:02:07Z */
export const CREATED = 1_795_442_527;
export const ROOT = 'bridgewatch-case-1';

export const FACTS: CaseFacts = {
  tool: 'Bridgewatch 0.1.0',
  host: 'web-1',
  createdBy: 'alice',
  subject: { kind: 'finding', asked: '5c1d9a03', finding: '5c1d9a03b2e4f611' },
  range: { since: '2026-11-23T13:52:00.000000Z', until: '2026-11-23T14:12:00.000000Z' },
};

const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'bridgewatch-bundle-test-'));
  folders.push(folder);
  return folder;
}

/** With a file that fills its blocks, one that does not, and an empty one. */
export function smallBundle(
  folder: string,
  { signer, maxBytes = 1_000_000 }: { signer?: Signer; maxBytes?: number } = {},
): WrittenBundle & { readonly path: string; readonly archive: Buffer } {
  const path = join(folder, 'case.tar');
  const writer = new BundleWriter({ path, root: ROOT, createdSecs: CREATED, maxBytes });
  writer.add('README.md', 'what this is', ['# A case\n']);
  writer.add('flows.ndjson', 'flows', ['x'.repeat(511), '\n']);
  writer.add('dns.ndjson', 'look-ups', []);
  const written = writer.finish(FACTS, signer);
  return { ...written, path, archive: readFileSync(path) };
}

export function verifyBytes(archive: Uint8Array, expected: Expected = {}): Promise<Verdict> {
  return verifyArchive(pieces(archive), expected);
}

/** Of odd sizes, as a pipe gives them. */
async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 1777) yield bytes.subarray(at, at + 1777);
}

export interface Part {
  readonly path: string;
  /** Header, content and padding. */
  readonly bytes: Buffer;
}

/** The entries of an archive in its one form, and its end. */
export function partsOf(archive: Buffer): { readonly parts: Part[]; readonly end: Buffer } {
  const parts: Part[] = [];
  let at = 0;
  while (archive[at] !== 0) {
    const path = archive.toString('latin1', at, archive.indexOf(0, at));
    const size = Number.parseInt(archive.toString('latin1', at + 124, at + 135), 8);
    const next = at + 512 + size + paddingBytes(size);
    parts.push({ path, bytes: archive.subarray(at, next) });
    at = next;
  }
  return { parts, end: archive.subarray(at) };
}

export function joined(parts: readonly Part[], end: Uint8Array): Buffer {
  return Buffer.concat([...parts.map(({ bytes }) => bytes), end]);
}

export function part(path: string, content: string | Uint8Array, root = ROOT): Part {
  const bytes = Buffer.from(content as string);
  const header = tarHeader({ root, path, bytes: bytes.length, mtimeSecs: CREATED });
  return { path, bytes: Buffer.concat([header, bytes, Buffer.alloc(paddingBytes(bytes.length))]) };
}

/** With the checksum of what it is now, as an attacker would leave it. */
export function withChecksum(header: Buffer): Buffer {
  header.fill(' ', 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return header;
}
