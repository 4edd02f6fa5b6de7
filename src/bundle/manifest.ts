/**
 * What a bundle says of itself: `manifest.json` lists every file with its hash, `SHA256SUMS` says the same for sha256sum,
 * and of the manifest too. Neither can change without contradicting the other.
 */
import { z } from 'zod';
import { indentedJson } from '../model/printable-json.ts';
import { isSafeName, isSafePath } from './paths.ts';

export const FORMAT = 'bridgewatch-bundle';
export const FORMAT_VERSION = 1;

export const MANIFEST = 'manifest.json';
export const SUMS = 'SHA256SUMS';
export const SIGNATURE = 'SHA256SUMS.sig';

/** Far more than any bundle has; a hostile one must not cost more to look at. */
export const MAX_FILES = 20_000;
export const MAX_MANIFEST_BYTES = 16 * 1_048_576;

/** Of any length: MAX_MANIFEST_BYTES bounds them all. */
const text = z.string();
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 hex digits');

const fileForm = z.strictObject({
  /** Below the bundle's folder. */
  path: z.string().refine(isSafePath, 'no path of a bundle'),
  bytes: z.number().int().min(0),
  sha256,
  /** What it is, for a person. */
  what: text,
});

const manifestForm = z.strictObject({
  format: z.literal(FORMAT),
  version: z.literal(FORMAT_VERSION),
  /** Name of the folder that all files are in. */
  root: z.string().refine(isSafeName, 'no name of a folder'),
  /** Bridgewatch, with its version. */
  tool: text,
  /** Name of the machine on which it was made. */
  host: text,
  /** Whole seconds, UTC; the time of each file in the archive too. */
  created: z.iso.datetime(),
  /** Who made it, as the system knew them; nobody proved it. */
  createdBy: text,
  subject: z.strictObject({
    kind: z.enum(['finding', 'subject', 'time']),
    /** As it was asked for. */
    asked: text,
    /** Id of the finding. */
    finding: text.optional(),
    /** The filter that chose flows, look-ups and events; absent: all. */
    filter: text.optional(),
  }),
  /** What lies in it: not before `since`, before `until`. */
  range: z.strictObject({ since: text, until: text }),
  /** In the order of the archive. */
  files: z.array(fileForm).max(MAX_FILES),
  /** What should be there and is not. */
  missing: z.array(z.strictObject({ what: text, why: text })).max(MAX_FILES),
  /** Ed25519 public key of whoever signed SHA256SUMS: SPKI, DER, base64. Absent where nobody did. */
  signedBy: z.string().max(1000).optional(),
});

export type Manifest = z.infer<typeof manifestForm>;
export type BundledFile = z.infer<typeof fileForm>;
export type Missing = Manifest['missing'][number];

export function manifestText(manifest: Manifest): string {
  return `${indentedJson(manifest)}\n`;
}

/** The manifest, or why it is none. */
export function parseManifest(bytes: Buffer): { readonly manifest: Manifest } | { readonly problem: string } {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch {
    return { problem: 'it is no JSON' };
  }
  const { data, error } = manifestForm.safeParse(value);
  if (data !== undefined) return { manifest: data };
  const version = (value as { version?: unknown } | null)?.version;
  if (typeof version === 'number' && version > FORMAT_VERSION)
    return {
      problem: `it is of version ${version}, written by a newer Bridgewatch; this one knows ${FORMAT_VERSION}`,
    };
  const [issue] = error.issues;
  return { problem: `${issue!.path.join('.')}: ${issue!.message}` };
}

/** As `sha256sum` writes it, so that `sha256sum -c SHA256SUMS` checks everything in the folder. */
export function sumsText(files: readonly BundledFile[], manifestSha256: string): string {
  return [...files, { path: MANIFEST, sha256: manifestSha256 }]
    .map(({ path, sha256 }) => `${sha256}  ${path}\n`)
    .join('');
}

/** What stands in the archive, in this order. */
export function pathsOf({ files, signedBy }: Manifest): string[] {
  return [...files.map(({ path }) => path), MANIFEST, SUMS, ...(signedBy === undefined ? [] : [SIGNATURE])];
}
