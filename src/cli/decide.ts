/**
 * `ack`, `unack`, `mute`, `unmute`, `mutes`: what a person decides about findings. The running agent decides and keeps
 * it, so these only ask it, over the socket beside its database.
 */
import { userInfo } from 'node:os';
import { escapeText } from '../model/escape.ts';
import { type PublicFinding, parseRecord, printableJson } from '../model/serialize.ts';
import { findingText } from './events/finding-text.ts';
import { type AgentAnswer, agentRequest } from './lib/agent-client.ts';
import { EXIT } from './lib/exit-codes.ts';
import { UsageError } from './lib/failure.ts';
import { type Column, clockText, complain, printLine, renderTable } from './lib/output.ts';
import type { MuteRecord } from './lib/records.ts';
import { loadSettings, type SettingsOptions } from './lib/settings.ts';

interface NoteOptions extends SettingsOptions {
  readonly note?: string;
  readonly json?: boolean;
}

interface MuteOptions extends SettingsOptions {
  readonly where?: string;
  readonly reason: string;
  readonly for?: string;
  readonly until?: string;
  readonly forever?: boolean;
  readonly json?: boolean;
}

interface MutesOptions extends SettingsOptions {
  readonly json?: boolean;
}

export function ackCommand(ids: readonly string[], options: NoteOptions): Promise<void> {
  return forEach(ids, (id) => decideFinding(id, 'acknowledge', options));
}

export function unackCommand(ids: readonly string[], options: NoteOptions): Promise<void> {
  return forEach(ids, (id) => decideFinding(id, 'unacknowledge', options));
}

export async function muteCommand(id: string | undefined, options: MuteOptions): Promise<void> {
  const { where, reason, for: duration, until, forever } = options;
  if ((id === undefined) === (where === undefined))
    throw new UsageError('say which findings: one by its id, or all that a filter describes with --where');
  if ([duration, until, forever].filter((said) => said !== undefined).length !== 1)
    throw new UsageError('say for how long: --for 7d, --until 2026-12-24, or --forever');
  const said = { reason, for: duration, until, forever, by: whoAmI() };
  const path = id === undefined ? '/api/v1/mutes' : findingPath(id, 'mute');
  const answer = await ask(options, 'POST', path, id === undefined ? { where, ...said } : said);
  if (answer !== undefined) tellMute(answer.json as MuteAnswer, options.json === true);
}

export async function unmuteCommand(ids: readonly string[], options: NoteOptions): Promise<void> {
  await forEach(ids, async (id) => {
    const answer = id.startsWith('m-')
      ? await ask(options, 'DELETE', `/api/v1/mutes/${encodeURIComponent(id)}?${query(options.note)}`)
      : await ask(options, 'POST', findingPath(id, 'unmute'), { by: whoAmI(), note: options.note });
    if (answer === undefined) return;
    const { mute, findings } = answer.json as MuteAnswer;
    if (options.json === true) printLine(printableJson({ kind: 'mute', ...mute }));
    else
      printLine(
        `${mute.id} holds no more: ${escapeText(mute.reason, 200)}; ${openText(findings)} told again`,
      );
  });
}

export async function mutesCommand(options: MutesOptions): Promise<void> {
  const answer = await ask(options, 'GET', '/api/v1/mutes');
  if (answer === undefined) return;
  const mutes = (answer.json as { readonly items: readonly Omit<MuteRecord, 'kind'>[] }).items;
  if (options.json === true) for (const mute of mutes) printLine(printableJson({ kind: 'mute', ...mute }));
  else if (mutes.length === 0) complain('Nothing is muted.');
  else printLine(renderTable(mutes, COLUMNS));
}

type Told = Omit<MuteRecord, 'kind'>;

interface MuteAnswer {
  readonly mute: Told;
  readonly isNew: boolean;
  readonly findings: number;
}

const COLUMNS: readonly Column<Told>[] = [
  { title: 'MUTE', cell: ({ id }) => id },
  { title: 'WHAT', cell: whatText, maxWidth: 60 },
  { title: 'UNTIL', cell: ({ until }) => (until === undefined ? 'for ever' : clockText(until)) },
  { title: 'BY', cell: ({ by }) => by, maxWidth: 40 },
  { title: 'SINCE', cell: ({ at }) => clockText(at) },
  { title: 'REASON', cell: ({ reason }) => reason },
];

function whatText({ where, analyzer, key }: Told): string {
  return where ?? `${analyzer} ${key}`;
}

async function decideFinding(
  id: string,
  action: 'acknowledge' | 'unacknowledge',
  options: NoteOptions,
): Promise<void> {
  const answer = await ask(options, 'POST', findingPath(id, action), { by: whoAmI(), note: options.note });
  if (answer === undefined) return;
  const { finding, isNew } = answer.json as { readonly finding: unknown; readonly isNew: boolean };
  const text = printableJson(finding);
  printLine(options.json === true ? text : findingText(parseRecord(text) as PublicFinding));
  if (!isNew) complain(`${escapeText(id, 64)}: it was so already`);
}

function tellMute({ mute, isNew, findings }: MuteAnswer, json: boolean): void {
  if (json) {
    printLine(printableJson({ kind: 'mute', ...mute }));
    return;
  }
  const end = mute.until === undefined ? 'for ever' : `until ${clockText(mute.until)}`;
  printLine(
    `${mute.id} mutes ${escapeText(whatText(mute), 100)} ${end}; ${isNew ? openText(findings) : 'as it did already, nothing'} told again`,
  );
}

function openText(findings: number): string {
  return findings === 0
    ? 'no open finding is'
    : findings === 1
      ? '1 open finding is'
      : `${findings} open findings are`;
}

/** One that is refused keeps none of the others from being decided. */
async function forEach(ids: readonly string[], decide: (id: string) => Promise<void>): Promise<void> {
  for (const id of ids) await decide(id);
}

function findingPath(id: string, action: string): string {
  return `/api/v1/findings/${encodeURIComponent(id)}/${action}`;
}

function query(note: string | undefined): string {
  return new URLSearchParams({ by: whoAmI(), ...(note === undefined ? {} : { note }) }).toString();
}

/** Undefined when the agent said no, which is told here. */
async function ask(
  options: SettingsOptions,
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  body?: unknown,
): Promise<AgentAnswer | undefined> {
  const answer = await agentRequest(loadSettings(options).store.path, method, path, body);
  if (answer.status < 400) return answer;
  const { detail } = (answer.json ?? {}) as { readonly detail?: unknown };
  complain(typeof detail === 'string' ? detail : `the agent answered ${answer.status}`);
  process.exitCode = answer.status === 400 ? EXIT.usage : answer.status >= 500 ? EXIT.world : EXIT.negative;
  return undefined;
}

/** `root (uid 0), for alice`: who runs this, and for whom sudo does. The agent cannot know better over a socket. */
export function whoAmI(): string {
  const uid = process.getuid?.();
  const behind = process.env['SUDO_USER'];
  const name = (() => {
    try {
      return userInfo().username;
    } catch {
      return 'somebody';
    }
  })();
  const said = `${name}${uid === undefined ? '' : ` (uid ${uid})`}${behind === undefined || behind === '' ? '' : `, for ${behind}`}`;
  return escapeText(said, 60);
}
