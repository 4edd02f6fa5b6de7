/**
 * `bundle`: all that is recorded of a finding, a subject or a moment in one archive that can be handed on and checked. It
 * reads the database and the evidence folder, changes nothing there, and needs no agent that runs.
 */
import { closeSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { safeName } from '../bundle/paths.ts';
import { readSigner } from '../bundle/signature.ts';
import { BundleWriter, type WrittenBundle } from '../bundle/writer.ts';
import { printableJson } from '../model/serialize.ts';
import { formatMicros, type Micros, wallMicros } from '../model/time.ts';
import { parseSize } from '../query/quantities.ts';
import { ReaderGone, streamOutput } from '../sensor/recording/output.ts';
import { openStoreReadOnly } from '../station/store/reader.ts';
import { version } from '../version.ts';
import { fillBundle } from './bundle/case.ts';
import { type BundleSubject, bundleSubject } from './bundle/subject.ts';
import { whoAmI } from './decide.ts';
import { UsageError } from './lib/failure.ts';
import { complain, formatBytes, printLine } from './lib/output.ts';
import type { BundleRecord } from './lib/records.ts';
import { loadSettings, type SettingsOptions } from './lib/settings.ts';

interface BundleOptions extends SettingsOptions {
  readonly output?: string;
  readonly since?: string;
  readonly until?: string;
  readonly around: string;
  readonly packets?: boolean;
  readonly maxBytes: string;
  readonly signKey?: string;
  readonly json?: boolean;
}

/** What stands in every bundle has room in it. */
const LEAST_BYTES = 100_000;
const STDOUT = 1;

export async function bundleCommand(words: readonly string[], options: BundleOptions): Promise<void> {
  const maxBytes = parseSize(options.maxBytes);
  if (maxBytes === undefined || maxBytes < LEAST_BYTES)
    throw new UsageError(
      `--max-bytes "${options.maxBytes}" is none of at least 100kB: give it as 50MB or 1GiB`,
    );
  const toStdout = options.output === '-';
  if (toStdout && process.stdout.isTTY === true)
    throw new UsageError('a terminal cannot show a bundle: pipe it on, or give -o a file');
  if (toStdout && options.json === true)
    throw new UsageError('stdout is the bundle with -o -: there is no room for --json');
  const signer = options.signKey === undefined ? undefined : readSigner(options.signKey);
  const config = loadSettings(options);
  const reader = await openStoreReadOnly(config.store.path);
  try {
    const now = wallMicros();
    const subject = bundleSubject(reader, words, options, now);
    const createdSecs = Math.floor(now / 1_000_000);
    const root = rootName(subject, now);
    const place = toStdout ? temporaryPlace() : { path: options.output ?? `${root}.tar`, remove: () => {} };
    try {
      const written = write({ path: place.path, root, createdSecs, maxBytes }, (writer) => {
        const facts = fillBundle(writer, {
          ...{ reader, config, subject, root, packets: options.packets !== false },
          ...{ host: hostname(), tool: `Bridgewatch ${version()}`, createdBy: whoAmI() },
          ...{
            created: formatMicros(createdSecs * 1_000_000).replace('.000000Z', 'Z'),
            isSigned: signer !== undefined,
          },
        });
        return writer.finish(facts, signer);
      });
      if (toStdout) copyToStdout(place.path);
      report(written, toStdout ? '-' : place.path, options.json === true);
    } finally {
      place.remove();
    }
  } finally {
    reader.close();
  }
}

function write(
  options: ConstructorParameters<typeof BundleWriter>[0],
  fill: (writer: BundleWriter) => WrittenBundle,
): WrittenBundle {
  const writer = new BundleWriter(options);
  try {
    return fill(writer);
  } finally {
    writer.discard();
  }
}

/** `bridgewatch-5c1d9a03b2e4f611-20261123T140207Z`: of the finding, the subject or the moment, and when it was made. */
function rootName({ name }: BundleSubject, now: Micros): string {
  const stamp = formatMicros(now).slice(0, 19).replaceAll(/[-:]/g, '');
  return `bridgewatch-${safeName(name, 30)}-${stamp}Z`;
}

/** Headers are written again when sizes are known, which a pipe cannot do. */
function temporaryPlace(): { readonly path: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'bridgewatch-bundle-'));
  return { path: join(folder, 'bundle.tar'), remove: () => rmSync(folder, { recursive: true, force: true }) };
}

function copyToStdout(path: string): void {
  const stdout = streamOutput(STDOUT);
  const chunk = Buffer.alloc(256 * 1024);
  const fd = openSync(path, 'r');
  try {
    for (let read = readSync(fd, chunk); read > 0; read = readSync(fd, chunk))
      stdout.write(chunk.subarray(0, read));
  } catch (error) {
    // Whoever stops reading has what they wanted.
    if (!(error instanceof ReaderGone)) throw error;
  } finally {
    closeSync(fd);
  }
}

function report({ bytes, sha256, manifest }: WrittenBundle, path: string, json: boolean): void {
  const record: BundleRecord = {
    kind: 'bundle',
    ...(path === '-' ? {} : { file: path }),
    bytes,
    sha256,
    about: manifest.subject.kind,
    since: manifest.range.since,
    until: manifest.range.until,
    files: manifest.files.map(({ path, bytes, what }) => ({ path, bytes, what })),
    missing: manifest.missing,
    ...(manifest.signedBy === undefined ? {} : { signedBy: manifest.signedBy }),
  };
  if (json) {
    printLine(printableJson(record));
    return;
  }
  const where = path === '-' ? 'bundle on stdout' : path;
  complain(
    `${where}: ${manifest.files.length} files, ${formatBytes(bytes)}`,
    ...manifest.files.map(({ path, bytes, what }) => `  ${path}  ${formatBytes(bytes)}  ${what}`),
    ...manifest.missing.map(({ what, why }) => `not in it: ${what}: ${why}`),
    `SHA-256 ${sha256}`,
    'note that down somewhere else: with it `bundle verify --sha256` finds every change that anybody ever makes',
  );
}
