/** `bundle verify`: whether an archive, or the folder that came out of it, is what was written. Exit 1: it is not. */
import { createReadStream } from 'node:fs';
import { readPublicKey } from '../../bundle/signature.ts';
import { type Expected, type Verdict, verifyArchive } from '../../bundle/verify.ts';
import { isFolder, verifyFolder } from '../../bundle/verify-folder.ts';
import { escapeText } from '../../model/escape.ts';
import { counted } from '../../model/readable.ts';
import { printableJson } from '../../model/serialize.ts';
import { EXIT } from '../lib/exit-codes.ts';
import { UsageError } from '../lib/failure.ts';
import { formatBytes, printLine } from '../lib/output.ts';
import type { BundleCheckRecord } from '../lib/records.ts';

interface VerifyOptions {
  readonly sha256?: string;
  readonly key?: string;
  readonly json?: boolean;
}

const CHUNK_BYTES = 256 * 1024;

export async function bundleVerifyCommand(path: string, options: VerifyOptions): Promise<void> {
  const { sha256, key } = options;
  if (sha256 !== undefined && !/^[0-9a-fA-F]{64}$/.test(sha256))
    throw new UsageError(`--sha256 "${sha256}" is none: it has 64 hex digits, as bundle prints them`);
  const expected: Expected = {
    ...(sha256 === undefined ? {} : { sha256 }),
    ...(key === undefined ? {} : { publicKey: readPublicKey(key) }),
  };
  const verdict = await verdictOn(path, expected);
  const ok = verdict.problems.length === 0;
  process.exitCode = ok ? EXIT.ok : EXIT.negative;
  if (options.json === true) printLine(printableJson(checkRecord(path, verdict)));
  else for (const line of verdictText(path, verdict, expected)) printLine(escapeText(line, 2000));
}

async function verdictOn(path: string, expected: Expected): Promise<Verdict> {
  if (path === '-') return verifyArchive(process.stdin, expected);
  if (!isFolder(path)) return verifyArchive(createReadStream(path, { highWaterMark: CHUNK_BYTES }), expected);
  if (expected.sha256 !== undefined)
    throw new UsageError('--sha256 is that of the archive, and this is a folder: give the archive');
  return verifyFolder(path, expected);
}

function checkRecord(path: string, verdict: Verdict): BundleCheckRecord {
  const { sha256, bytes, manifest, problems, furtherProblems } = verdict;
  return {
    kind: 'bundle-check',
    ...(path === '-' ? {} : { file: path }),
    ok: problems.length === 0,
    bytes,
    ...(sha256 === undefined ? {} : { sha256 }),
    ...(manifest === undefined
      ? {}
      : {
          files: manifest.files.length,
          created: manifest.created,
          createdBy: manifest.createdBy,
          host: manifest.host,
        }),
    ...(manifest?.signedBy === undefined ? {} : { signedBy: manifest.signedBy }),
    problems,
    furtherProblems,
  };
}

function verdictText(path: string, verdict: Verdict, expected: Expected): string[] {
  const { sha256, bytes, manifest, problems, furtherProblems } = verdict;
  const hash = sha256 === undefined ? [] : [`SHA-256 ${sha256}`];
  if (problems.length > 0) {
    const further = furtherProblems === 0 ? [] : [`and ${furtherProblems} more`];
    return [
      `CHANGED: ${path} is not what was written: ${counted(problems.length + furtherProblems, 'problem')}`,
      ...problems.map(({ problem, path: file, atByte, detail }) => {
        const where = [file, atByte === undefined ? undefined : `byte ${atByte}`].filter(
          (part) => part !== undefined,
        );
        return `  ${problem}${where.length === 0 ? '' : `  ${where.join(', ')}`}  ${detail}`;
      }),
      ...further,
      ...hash,
    ];
  }
  const { files, created, createdBy, host, missing, signedBy } = manifest!;
  return [
    `OK: ${path} is unchanged: ${files.length} files, ${formatBytes(bytes)}, made ${created} by ${createdBy} on ${host}`,
    ...(missing.length === 0
      ? []
      : [`not in it from the beginning: ${missing.length}, and why: \`missing\` in its manifest.json`]),
    ...hash,
    vouched(expected, signedBy),
  ];
}

/** What stands behind it, and what does not. */
function vouched({ sha256, publicKey }: Expected, signedBy: string | undefined): string {
  if (sha256 !== undefined) return 'It is the archive whose SHA-256 was noted down.';
  if (publicKey !== undefined) return 'It is signed with the key that was given.';
  const signed =
    signedBy === undefined ? '' : ` It is signed by the holder of ${signedBy}, whoever that is (--key).`;
  return `Only that it agrees with itself: who writes all of it anew is found with --sha256, given from elsewhere.${signed}`;
}
