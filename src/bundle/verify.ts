/**
 * Reads an archive that anybody may have made, without unpacking it, and says everything in which it is not the bundle
 * that was written. Bounded in memory whatever the archive claims; nothing in it is packed, so that nothing can unfold.
 */
import { createHash, type Hash } from 'node:crypto';
import { Intake } from './intake.ts';
import {
  type BundledFile,
  MANIFEST,
  MAX_FILES,
  MAX_MANIFEST_BYTES,
  type Manifest,
  parseManifest,
  pathsOf,
  SIGNATURE,
  SUMS,
  sumsText,
} from './manifest.ts';
import { isSignedBy } from './signature.ts';
import { BLOCK_BYTES, claimedPath, paddingBytes, readHeader, type TarEntry } from './tar.ts';

export interface Problem {
  /**
   * `changed`: not the content that the manifest tells of. `missing`, `added`, `duplicate`, `order`: files against the
   * manifest. `header`, `padding`, `end`: bytes between files. `manifest`, `sums`, `signature`: what vouches for the rest.
   * `hash`: not the archive whose hash was given. `format`: no bundle at all.
   */
  readonly problem:
    | 'changed'
    | 'missing'
    | 'added'
    | 'duplicate'
    | 'order'
    | 'header'
    | 'padding'
    | 'end'
    | 'manifest'
    | 'sums'
    | 'signature'
    | 'hash'
    | 'format';
  /** Which file, hostile text; absent where it is about none. */
  readonly path?: string;
  /** Where in the archive; absent where it is nowhere in particular. */
  readonly atByte?: number;
  readonly detail: string;
}

export interface Verdict {
  /** Of what was read, hex; absent for a folder. */
  readonly sha256?: string;
  readonly bytes: number;
  /** Absent where none could be read. */
  readonly manifest?: Manifest;
  /** Empty: it is what was written. */
  readonly problems: readonly Problem[];
  /** Problems beyond those that are listed. */
  readonly furtherProblems: number;
}

export interface Expected {
  /** As it was noted down when the bundle was made, hex. */
  readonly sha256?: string;
  /** As a manifest has it: SPKI, DER, base64. */
  readonly publicKey?: string;
}

/** What was found of a file, in an archive or a folder. */
export interface FoundFile {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

const MAX_PROBLEMS = 1000;
/** Those that are held whole, because they vouch for the others. */
const VOUCHERS: ReadonlySet<string> = new Set([MANIFEST, SUMS, SIGNATURE]);

export class Problems {
  readonly list: Problem[] = [];
  further = 0;

  add(problem: Problem['problem'], detail: string, where: Pick<Problem, 'path' | 'atByte'> = {}): void {
    if (this.list.length < MAX_PROBLEMS) this.list.push({ problem, ...where, detail });
    else this.further += 1;
  }
}

export async function verifyArchive(
  source: AsyncIterable<Uint8Array>,
  expected: Expected = {},
): Promise<Verdict> {
  const intake = new Intake(source);
  const problems = new Problems();
  const reader = new ArchiveReader(intake, problems);
  await reader.read();
  const { sha256, bytes } = await intake.finish();
  if (expected.sha256 !== undefined && expected.sha256.toLowerCase() !== sha256)
    problems.add(
      'hash',
      `its SHA-256 is ${sha256}, not ${expected.sha256}: it is not the archive that was noted down`,
    );
  const manifest = judge(reader.files, reader.vouchers, expected, problems);
  if (manifest !== undefined) compareFrame(manifest, reader, problems);
  return {
    sha256,
    bytes,
    ...(manifest === undefined ? {} : { manifest }),
    problems: problems.list,
    furtherProblems: problems.further,
  };
}

/** Holds what was found against manifest, sums and signature; the manifest where it could be read. */
export function judge(
  files: readonly FoundFile[],
  vouchers: ReadonlyMap<string, Buffer>,
  expected: Expected,
  problems: Problems,
): Manifest | undefined {
  const told = vouchers.get(MANIFEST);
  if (told === undefined) {
    problems.add('manifest', `there is no ${MANIFEST} that could be read: what should be in it is not known`);
    return undefined;
  }
  const read = parseManifest(told);
  if ('problem' in read) {
    problems.add('manifest', `${MANIFEST} cannot be used: ${read.problem}`, { path: MANIFEST });
    return undefined;
  }
  const { manifest } = read;
  compareFiles(manifest.files, files, problems);
  const sums = vouchers.get(SUMS);
  const derived = Buffer.from(
    sumsText(manifest.files, createHash('sha256').update(told).digest('hex')),
    'utf8',
  );
  if (sums === undefined) problems.add('missing', `${SUMS} is not there`, { path: SUMS });
  else if (!sums.equals(derived))
    problems.add('sums', `${SUMS} and ${MANIFEST} contradict each other: one of them was changed`, {
      path: SUMS,
    });
  compareSignature(manifest, sums, vouchers.get(SIGNATURE), expected, problems);
  return manifest;
}

function compareFiles(told: readonly BundledFile[], found: readonly FoundFile[], problems: Problems): void {
  const known = new Map<string, BundledFile>();
  for (const file of told) {
    if (known.has(file.path) || VOUCHERS.has(file.path))
      problems.add('manifest', `${MANIFEST} lists it twice`, { path: file.path });
    known.set(file.path, file);
  }
  const seen = new Set<string>();
  for (const { path, bytes, sha256 } of found) {
    if (VOUCHERS.has(path)) continue;
    const file = known.get(path);
    seen.add(path);
    if (file === undefined) problems.add('added', `${MANIFEST} does not know it`, { path });
    else if (file.bytes !== bytes)
      problems.add('changed', `it has ${bytes} bytes, and had ${file.bytes} when the bundle was made`, {
        path,
      });
    else if (file.sha256 !== sha256)
      problems.add('changed', 'its content is not what it was when the bundle was made (SHA-256)', { path });
  }
  for (const path of known.keys())
    if (!seen.has(path)) problems.add('missing', `${MANIFEST} lists it, and it could not be found`, { path });
}

function compareSignature(
  { signedBy }: Manifest,
  sums: Buffer | undefined,
  signature: Buffer | undefined,
  { publicKey }: Expected,
  problems: Problems,
): void {
  const where = { path: SIGNATURE };
  if (signedBy === undefined) {
    if (signature !== undefined) problems.add('added', `${MANIFEST} tells of no signature`, where);
    if (publicKey !== undefined) problems.add('signature', 'it is not signed, and --key was given');
    return;
  }
  if (publicKey !== undefined && publicKey !== signedBy)
    problems.add('signature', 'it is signed with another key than the one that was given', where);
  if (signature === undefined) problems.add('missing', 'the signature is not there', where);
  else if (sums !== undefined && !isSignedBy(signedBy, sums, signature))
    problems.add('signature', `the signature does not fit ${SUMS}`, where);
}

/** What is of the archive and not of its files: their order, folder and time. */
function compareFrame(
  manifest: Manifest,
  { files, root, mtimeSecs }: ArchiveReader,
  problems: Problems,
): void {
  if (root !== undefined && root !== manifest.root)
    problems.add('header', `its folder is called ${root}, and was ${manifest.root} when the bundle was made`);
  if (mtimeSecs !== undefined && mtimeSecs !== Date.parse(manifest.created) / 1000)
    problems.add('header', `its files have another time than the bundle, ${manifest.created}`);
  const order = new Map(pathsOf(manifest).map((path, i) => [path, i]));
  let last = -1;
  for (const { path } of files) {
    const place = order.get(path) ?? last;
    if (place < last) problems.add('order', 'it stands behind a file that it should precede', { path });
    last = Math.max(last, place);
  }
}

class ArchiveReader {
  readonly files: FoundFile[] = [];
  readonly vouchers = new Map<string, Buffer>();
  readonly #intake: Intake;
  readonly #problems: Problems;
  readonly #seen = new Set<string>();
  root: string | undefined;
  mtimeSecs: number | undefined;

  constructor(intake: Intake, problems: Problems) {
    this.#intake = intake;
    this.#problems = problems;
  }

  async read(): Promise<void> {
    // Of what follows a header that cannot be trusted nothing is known until the next good one.
    let isLost = false;
    let zeroBlocks = 0;
    let count = 0;
    while (true) {
      const atByte = this.#intake.at;
      const block = await this.#intake.take(BLOCK_BYTES);
      if (block.length < BLOCK_BYTES) {
        if (isLost && block.length === 0 && zeroBlocks >= 2) return;
        const detail =
          atByte === 0
            ? (packedAs(block) ?? 'it is too short for a bundle')
            : 'it ends in the middle: it was cut';
        return this.#problems.add(atByte === 0 ? 'format' : 'end', detail, { atByte });
      }
      zeroBlocks = isZero(block) ? zeroBlocks + 1 : 0;
      if (zeroBlocks > 0) {
        // Content may have zeros too: only where it is known that a header belongs here do they end the archive.
        if (!isLost && (await this.#isEnd(atByte))) return;
        isLost = true;
        continue;
      }
      const header = readHeader(block);
      const problem = 'problem' in header ? header.problem : this.#foreign(header.entry);
      if (problem === undefined && 'entry' in header) {
        isLost = false;
        count += 1;
        // The manifest, the sums and a signature come on top.
        if (count > MAX_FILES + VOUCHERS.size) {
          this.#problems.add('format', `it has more than ${MAX_FILES} files: the rest was not looked at`, {
            atByte,
          });
          return;
        }
        if (!(await this.#file(header.entry, atByte))) return;
        continue;
      }
      if (!isLost) {
        const hint = atByte === 0 ? packedAs(block) : undefined;
        if (hint !== undefined) return this.#problems.add('format', hint);
        const path = claimedPath(block);
        this.#problems.add('header', problem!, { ...(path === '' ? {} : { path }), atByte });
      }
      isLost = true;
    }
  }

  /** After a block of zeros: whether the archive is over, as it should be. */
  async #isEnd(atByte: number): Promise<boolean> {
    const second = await this.#intake.take(BLOCK_BYTES);
    if (second.length === BLOCK_BYTES && isZero(second)) {
      const trailing = await this.#intake.rest();
      if (trailing > 0)
        this.#problems.add('end', `${trailing} bytes stand behind its end`, {
          atByte: atByte + 2 * BLOCK_BYTES,
        });
      return true;
    }
    this.#problems.add('end', 'its end is not two blocks of zeros', { atByte });
    // What stands there may be the next file.
    this.#intake.putBack(second);
    return second.length < BLOCK_BYTES;
  }

  /** Good by itself, but of another bundle or another time. */
  #foreign({ root, mtimeSecs }: TarEntry): string | undefined {
    this.root ??= root;
    this.mtimeSecs ??= mtimeSecs;
    if (root !== this.root) return `it lies in another folder than ${this.root}`;
    return mtimeSecs === this.mtimeSecs ? undefined : 'its time is not that of the other files';
  }

  /** False when the archive ends in it. */
  async #file({ path, bytes }: TarEntry, atByte: number): Promise<boolean> {
    const isVoucher = VOUCHERS.has(path) && !this.#seen.has(path) && bytes <= MAX_MANIFEST_BYTES;
    const held: Buffer[] = [];
    const hash: Hash = createHash('sha256');
    const got = await this.#intake.pass(bytes, (chunk) => {
      hash.update(chunk);
      // The memory is the source's, which may use it again.
      if (isVoucher) held.push(Buffer.from(chunk));
    });
    if (this.#seen.has(path)) this.#problems.add('duplicate', 'it is there more than once', { path, atByte });
    else if (VOUCHERS.has(path) && !isVoucher)
      this.#problems.add('manifest', `it claims ${bytes} bytes, too many to be read`, { path, atByte });
    this.#seen.add(path);
    if (got < bytes) {
      this.#problems.add('end', 'it ends in the middle of this file: it was cut', { path, atByte });
      return false;
    }
    if (isVoucher) this.vouchers.set(path, Buffer.concat(held));
    this.files.push({ path, bytes, sha256: hash.digest('hex') });
    const paddingAt = this.#intake.at;
    const padding = await this.#intake.take(paddingBytes(bytes));
    if (padding.length < paddingBytes(bytes)) {
      this.#problems.add('end', 'it ends in the middle: it was cut', { atByte: paddingAt });
      return false;
    }
    if (!isZero(padding))
      this.#problems.add('padding', 'what fills the block behind it is not zeros', {
        path,
        atByte: paddingAt,
      });
    return true;
  }
}

function isZero(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0);
}

const PACKED: readonly (readonly [magic: readonly number[], name: string, open: string])[] = [
  [[0x1f, 0x8b], 'gzip', 'gzip -dc'],
  [[0x28, 0xb5, 0x2f, 0xfd], 'zstd', 'zstd -dc'],
  [[0xfd, 0x37, 0x7a, 0x58, 0x5a], 'xz', 'xz -dc'],
  [[0x50, 0x4b, 3, 4], 'zip', 'unzip -p'],
];

function packedAs(block: Buffer): string | undefined {
  const found = PACKED.find(([magic]) => magic.every((byte, i) => block[i] === byte));
  if (found === undefined) return undefined;
  const [, name, open] = found;
  return `somebody packed it with ${name}, which bundles are not; check what is in it: ${open} FILE | bridgewatch bundle verify -`;
}
