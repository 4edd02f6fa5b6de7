/**
 * `evidence`: which packets were put aside, their facts, and the packets themselves. Reads the database and the folder
 * beside it, so it works while no agent runs; it removes nothing and never writes over a file.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { escapeText } from '../model/escape.ts';
import { SEVERITIES } from '../model/finding.ts';
import {
  type PublicEvidence,
  type PublicFinding,
  type PublicLoss,
  parseRecord,
  printableJson,
} from '../model/serialize.ts';
import { MICROS_PER_SECOND, parseMicros } from '../model/time.ts';
import { readFacts } from '../station/evidence/facts.ts';
import { contentsOf, EvidencePaths, evidenceFolder } from '../station/evidence/folder.ts';
import { openStoreReadOnly, type StoreReader } from '../station/store/reader.ts';
import { copyOut, hashOf } from './evidence/file.ts';
import { causeText, endText, evidenceText, packetsText } from './evidence/text.ts';
import { EXIT } from './lib/exit-codes.ts';
import { UsageError } from './lib/failure.ts';
import { type Column, clockText, complain, formatBytes, printLine, renderTable } from './lib/output.ts';
import { loadSettings, type SettingsOptions } from './lib/settings.ts';
import { parseLimit } from './lib/time-range.ts';

interface EvidenceOptions extends SettingsOptions {
  readonly write?: string;
  readonly limit: string;
  readonly json?: boolean;
}

/** Losses are told some seconds after they happened. */
const AROUND = 30 * MICROS_PER_SECOND;
const MAX_LOSSES = 1000;

type Settings = ReturnType<typeof loadSettings>;

export async function evidenceCommand(word: string | undefined, options: EvidenceOptions): Promise<void> {
  const { write, json } = options;
  if (write !== undefined && word === undefined)
    throw new UsageError('-w needs to know whose packets: the id of a finding, or of evidence');
  if (write === '-' && json === true)
    throw new UsageError('stdout is the packets with -w -: there is no room for --json');
  if (write === '-' && process.stdout.isTTY === true)
    throw new UsageError(
      'a terminal cannot show a capture: pipe it on, as in `... -w - | wireshark -k -i -`',
    );
  const settings = loadSettings(options);
  const reader = await openStoreReadOnly(settings.store.path);
  try {
    if (word === undefined) list(reader, options);
    else await show(reader, word, settings, options);
  } finally {
    reader.close();
  }
}

function list(reader: StoreReader, { limit, json }: EvidenceOptions): void {
  const most = parseLimit(limit);
  const records = reader.keptEvidence(most).map(evidenceIn);
  if (json === true) for (const record of records) printLine(printableJson(record));
  else if (records.length === 0) complain('No packets are put aside.');
  else printLine(renderTable(records, COLUMNS));
  if (records.length >= most) complain(`only the newest ${most} are listed: raise --limit`);
}

const COLUMNS: readonly Column<PublicEvidence>[] = [
  { title: 'TIME', cell: ({ time }) => clockText(time) },
  { title: 'FINDING', cell: ({ finding, id }) => finding ?? id, maxWidth: 24 },
  { title: 'SEVERITY', cell: ({ severity }) => severity ?? '-' },
  { title: 'ANALYZER', cell: (record) => record.analyzer ?? causeText(record), maxWidth: 40 },
  { title: 'NETWORKS', cell: ({ networks }) => networks.join(', ') || '-', maxWidth: 40 },
  { title: 'PACKETS', cell: ({ packets }) => (packets === undefined ? '?' : String(packets)), right: true },
  { title: 'SIZE', cell: ({ bytes }) => formatBytes(bytes), right: true },
  { title: 'COMPLETE', cell: endText, maxWidth: 80 },
];

async function show(
  reader: StoreReader,
  word: string,
  settings: Settings,
  options: EvidenceOptions,
): Promise<void> {
  const { told, finding } = look(reader, word);
  const kept = standing(told);
  const latest = kept.at(-1);
  if (latest === undefined) {
    if (options.json === true) for (const record of told) printLine(printableJson(record));
    complain(...whyNone(reader, told, finding, settings));
    process.exitCode = EXIT.negative;
    return;
  }
  const folder = evidenceFolder(settings.store.path);
  if (options.write !== undefined) {
    await write(folder, latest, options.write, kept.length - 1);
    return;
  }
  for (const record of kept) {
    const path = join(folder, record.file!);
    const now = await hashOf(path);
    const isSound = now === record.sha256;
    if (!isSound) process.exitCode = EXIT.negative;
    if (options.json === true) printLine(printableJson(record));
    else printLine(factsText(record, path, now));
    if (!isSound && options.json === true)
      complain(`${path} is not as it was recorded: ${soundText(record, now)}`);
  }
}

interface Found {
  /** The oldest first. */
  readonly told: readonly PublicEvidence[];
  /** As it is now; absent where evidence was asked for by its own id. */
  readonly finding: PublicFinding | undefined;
}

/** Throws a UsageError where the word is of nothing, or of several. */
function look(reader: StoreReader, word: string): Found {
  const ids = word.length < 4 ? [] : reader.findingsBeginning(word, 2);
  if (ids.length > 1)
    throw new UsageError(
      `several findings begin with ${word}: give more of the id; \`bridgewatch events\` lists them`,
    );
  const [id] = ids;
  if (id !== undefined) {
    const row = reader.queryFindings({ id })[0];
    const finding = row === undefined ? undefined : (parseRecord(row.text) as PublicFinding);
    return { told: reader.evidenceAbout({ finding: id }).map(evidenceIn), finding };
  }
  const told = reader.evidenceAbout({ id: word }).map(evidenceIn);
  if (new Set(told.map((record) => record.id)).size > 1)
    throw new UsageError(`several collections begin with ${word}: give more of the id`);
  if (told.length === 0)
    throw new UsageError(
      `no finding and no evidence is recorded whose id begins with ${word}; \`bridgewatch events\` and \`bridgewatch evidence\` list them`,
    );
  return { told, finding: undefined };
}

/** Of each collection the last word, where that says that there is a file. */
function standing(told: readonly PublicEvidence[]): PublicEvidence[] {
  const last = new Map(told.map((record) => [record.id, record]));
  return [...last.values()].filter(({ change, file }) => change === 'kept' && file !== undefined);
}

/** As well as it is known: what was told of it, or what the configuration of now says of such findings. */
function whyNone(
  reader: StoreReader,
  told: readonly PublicEvidence[],
  finding: PublicFinding | undefined,
  { evidence, store }: Settings,
): string[] {
  const last = told.at(-1);
  if (last?.cause === 'command')
    return [`${last.by ?? 'somebody'} captured this; the file is theirs: ${evidenceText(last)}`];
  if (last?.change === 'removed')
    return [`its packets were let go at ${clockText(last.time)}: ${last.reason ?? 'nobody said why'}`];
  if (last !== undefined) return [`there are no packets of it: ${endText(last)}`];
  const nothing = 'no packets were put aside for it';
  if (finding === undefined) return [nothing];
  if (isBeingCollected(evidenceFolder(store.path), finding.id))
    return [`its packets are being collected now; ask again in ${evidence.after_secs} s or so`];
  const bounds = boundsMet(reader, finding);
  if (bounds.length > 0)
    return [`${nothing}: too many findings wanted theirs at that time, beyond ${bounds.join(', ')}`];
  if (!evidence.enabled) return [`${nothing}: evidence.enabled is false`];
  if (SEVERITIES.indexOf(finding.severity as never) < SEVERITIES.indexOf(evidence.min_severity))
    return [
      `${nothing}: it is ${finding.severity}, and only findings of ${evidence.min_severity} and above get them (evidence.min_severity)`,
    ];
  return [
    `${nothing}, and nothing says why: it may be of an agent that kept no packets yet, or of one that ended meanwhile;`,
    'or another finding tells of it, and has them; or it is about something of which there are no packets.',
  ];
}

function isBeingCollected(folder: string, finding: string): boolean {
  if (!existsSync(folder)) return false;
  return [...contentsOf(folder).parts].some(
    (id) => readFacts(new EvidencePaths(folder, id).factsPart)?.finding === finding,
  );
}

/** Names of options that kept packets of some finding from being put aside when this one was told. */
function boundsMet(reader: StoreReader, { firstSeen, lastSeen }: PublicFinding): string[] {
  const since = (parseMicros(firstSeen) ?? 0) - AROUND;
  const until = (parseMicros(lastSeen) ?? 0) + AROUND;
  const losses = reader
    .queryEvents({ kinds: ['loss'], since, until, limit: MAX_LOSSES })
    .map(({ text }) => parseRecord(text) as PublicLoss);
  return [...new Set(losses.filter(({ source }) => source === 'evidence').map(({ where }) => where))];
}

async function write(folder: string, record: PublicEvidence, to: string, others: number): Promise<void> {
  const { sha256, isReaderGone } = await copyOut(join(folder, record.file!), to);
  if (isReaderGone) return;
  complain(
    `${to === '-' ? '' : `${to}: `}${packetsText(record)}, ${formatBytes(record.bytes)}, ${endText(record)}`,
  );
  if (others > 0)
    complain(`the latest of ${others + 1} collections; the others by their own ids: bridgewatch evidence`);
  if (sha256 === record.sha256) return;
  complain(`the file was changed since it was recorded: ${soundText(record, sha256)}`);
  process.exitCode = EXIT.negative;
}

function factsText(record: PublicEvidence, path: string, now: string | undefined): string {
  const { trigger, first, last, networks, severity, missing, filter } = record;
  const lines: readonly (readonly [string, string | undefined])[] = [
    ['evidence', record.id],
    ['of', `${causeText(record)}${severity === undefined ? '' : `, ${severity}`}`],
    ['file', path],
    ['complete', `${clockText(record.time)}, ${endText({ ...record, missing: [] })}`],
    ['packets', `${packetsText(record)}, ${formatBytes(record.bytes)}`],
    ['networks', networks.length === 0 ? undefined : networks.join(', ')],
    ['filter', filter],
    ['caused', trigger],
    ['from', first],
    ['to', last],
    ['sha256', soundText(record, now)],
    ...missing.map((line) => ['missing', line] as const),
  ];
  return lines
    .filter(([, text]) => text !== undefined)
    .map(([name, text]) => `${name.padEnd(8)}  ${escapeText(text!, 2000)}`)
    .join('\n');
}

function soundText({ sha256 }: PublicEvidence, now: string | undefined): string {
  if (now === undefined) return `${sha256}: THE FILE CANNOT BE READ`;
  return now === sha256 ? `${sha256}, verified now` : `${sha256} was recorded; THE FILE HAS ${now}`;
}

function evidenceIn(text: string): PublicEvidence {
  return parseRecord(text) as PublicEvidence;
}
