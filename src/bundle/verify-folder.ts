/**
 * The same for a bundle that was unpacked. What an archive says beside its files (order, times, padding) is not there any
 * more; links and devices are looked at as what they are and never followed.
 */
import { createHash } from 'node:crypto';
import { createReadStream, type Dirent, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { BundleError } from './error.ts';
import { MANIFEST, MAX_FILES, MAX_MANIFEST_BYTES, SIGNATURE, SUMS } from './manifest.ts';
import { type Expected, type FoundFile, judge, Problems, type Verdict } from './verify.ts';

export async function verifyFolder(
  folder: string,
  expected: Pick<Expected, 'publicKey'> = {},
): Promise<Verdict> {
  const problems = new Problems();
  const files: FoundFile[] = [];
  for (const path of pathsIn(folder, problems)) files.push({ path, ...(await hashOf(join(folder, path))) });
  const vouchers = new Map<string, Buffer>();
  for (const { path, bytes } of files) {
    if (path !== MANIFEST && path !== SUMS && path !== SIGNATURE) continue;
    if (bytes <= MAX_MANIFEST_BYTES) vouchers.set(path, readFileSync(join(folder, path)));
  }
  const manifest = judge(files, vouchers, expected, problems);
  return {
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
    ...(manifest === undefined ? {} : { manifest }),
    problems: problems.list,
    furtherProblems: problems.further,
  };
}

/** Plain files below it, by name; what is none is told. */
function pathsIn(folder: string, problems: Problems): string[] {
  const found: string[] = [];
  const walk = (below: string): void => {
    for (const entry of entriesOf(join(folder, below))) {
      const path = below === '' ? entry.name : `${below}/${entry.name}`;
      if (found.length > MAX_FILES) return;
      if (entry.isDirectory()) walk(path);
      else if (entry.isFile()) found.push(path);
      else problems.add('added', 'it is no plain file', { path });
    }
  };
  walk('');
  if (found.length > MAX_FILES)
    problems.add('format', `it has more than ${MAX_FILES} files: the rest was not looked at`);
  return found;
}

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    throw cannotRead(folder, error);
  }
}

async function hashOf(path: string): Promise<Omit<FoundFile, 'path'>> {
  const hash = createHash('sha256');
  let bytes = 0;
  try {
    for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
      hash.update(chunk);
      bytes += chunk.length;
    }
  } catch (error) {
    throw cannotRead(path, error);
  }
  return { bytes, sha256: hash.digest('hex') };
}

/** Whether it is a folder; throws where there is nothing. */
export function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (error) {
    throw cannotRead(path, error);
  }
}

function cannotRead(path: string, error: unknown): BundleError {
  const { code, message } = error as NodeJS.ErrnoException;
  const why = code === 'ENOENT' ? 'there is nothing of that name' : message;
  return new BundleError('BUNDLE_FILE', `cannot read ${path}: ${why}`, { cause: error });
}
