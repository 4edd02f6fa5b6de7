/**
 * A host's state in a file, that a later one can be held against. People keep it beside their Compose files, so it is
 * indented JSON in one order; whoever can write there can write anything into it, so what is read back is checked to the
 * last field. A file that is no such state is never written over, and one is whole or not there.
 */
import { randomBytes } from 'node:crypto';
import { open, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import type { HostState } from '../../../model/host-state.ts';
import { indentedJson } from '../../../model/printable-json.ts';
import { formatMicros, type Micros, parseMicros } from '../../../model/time.ts';

export interface SavedState {
  readonly savedAt: Micros;
  /** Name of the host. */
  readonly host: string;
  /** Absent where the engine did not tell. */
  readonly engineVersion?: string;
  readonly state: HostState;
}

export class StateFileError extends Error {
  override readonly name = 'StateFileError';
  readonly code = 'STATE_FILE';
}

const FORMAT = 'bridgewatch-state';
/** Changes with each change of what HostState means. */
const VERSION = 1;
/** 10,000 services take some 5 MiB. */
const MAX_BYTES = 32 * 1024 * 1024;
/** Names, options and addresses; the longest that an engine takes is a path. */
const MAX_CHARS = 4096;
const MAX_ENTRIES = 20_000;

const text = z.string().max(MAX_CHARS);
const texts = z.array(text).max(MAX_ENTRIES);
const port = z.int().min(0).max(65_535);
const FILE = z.strictObject({
  format: z.literal(FORMAT),
  version: z.literal(VERSION),
  savedAt: text.transform((time, context) => {
    const micros = parseMicros(time);
    if (micros === undefined) context.addIssue('is no time such as 2026-11-23T14:00:00.000000Z');
    return micros ?? 0;
  }),
  host: text,
  engineVersion: text.exactOptional(),
  networks: z
    .array(
      z.strictObject({
        ...{ name: text, driver: text, isInternal: z.boolean(), isAttachable: z.boolean() },
        ...{ hasIpv6: z.boolean(), subnets: texts, options: z.record(text, text) },
      }),
    )
    .max(MAX_ENTRIES),
  services: z
    .array(
      z.strictObject({
        ...{ name: text, networks: texts, networkMode: text },
        ports: z
          .array(z.strictObject({ hostIp: text, hostPort: port, containerPort: port, protocol: text }))
          .max(MAX_ENTRIES),
        ...{ isPrivileged: z.boolean(), capAdd: texts, capDrop: texts, pidMode: text.exactOptional() },
        ...{ sysctls: z.record(text, text), sockets: texts },
      }),
    )
    .max(MAX_ENTRIES),
});

export function stateText({ savedAt, host, engineVersion, state }: SavedState): string {
  return `${indentedJson({
    ...{ format: FORMAT, version: VERSION, savedAt: formatMicros(savedAt), host },
    ...(engineVersion === undefined ? {} : { engineVersion }),
    ...{ networks: state.networks, services: state.services },
  })}\n`;
}

/** Throws a StateFileError that says what is wrong with it, and where. */
export function parseState(json: string, path: string): SavedState {
  const value = asState(json, path);
  if (value.version !== VERSION)
    throw new StateFileError(
      `${path} has version ${shown(value.version)} of a saved state, and this bridgewatch reads version ${VERSION}: save it anew with --save`,
    );
  const read = FILE.safeParse(value);
  if (!read.success) {
    const [issue] = read.error.issues;
    const place = issue === undefined || issue.path.length === 0 ? '' : ` at ${issue.path.join('.')}`;
    throw new StateFileError(`${path} is a damaged state${place}: ${issue?.message ?? 'it cannot be read'}`);
  }
  const { savedAt, host, engineVersion, networks, services } = read.data;
  return {
    ...{ savedAt, host, state: { networks, services } },
    ...(engineVersion === undefined ? {} : { engineVersion }),
  };
}

/** Rejects with a StateFileError. */
export async function readSavedState(path: string): Promise<SavedState> {
  return parseState(await contentOf(path), path);
}

/** Rejects with a StateFileError where `writeSavedState` would: best asked before the work is done. */
export async function assertSavable(path: string): Promise<void> {
  const existing = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw problem('write', path, error);
  });
  if (existing !== undefined) {
    asState(await contentOf(path), path, 'and is not written over; give another name');
    return;
  }
  const folder = await stat(dirname(path)).catch((error) => {
    throw problem('write', path, error);
  });
  if (!folder.isDirectory()) throw new StateFileError(`cannot write ${path}: ${dirname(path)} is no folder`);
}

/** Over a state that is there already; rejects with a StateFileError, and then what was there is as it was. */
export async function writeSavedState(path: string, saved: SavedState): Promise<void> {
  await assertSavable(path);
  // Where the name is a link, what it leads to is written, and the link stays.
  const target = await realpath(path).catch(() => path);
  const mode = await stat(target).then(
    (existing) => existing.mode & 0o777,
    // Which ports are open and who is privileged is for nobody else to read.
    () => 0o600,
  );
  const part = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString('hex')}.part`);
  try {
    const file = await open(part, 'wx', mode);
    try {
      await file.writeFile(stateText(saved));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(part, target);
  } catch (error) {
    await rm(part, { force: true });
    throw problem('write', path, error);
  }
}

async function contentOf(path: string): Promise<string> {
  try {
    const { size } = await stat(path).then((found) => {
      if (!found.isFile()) throw new StateFileError(`cannot read ${path}: it is no file`);
      return found;
    });
    if (size > MAX_BYTES)
      throw new StateFileError(`${path} is no saved state of bridgewatch: it has ${size} bytes`);
    return await readFile(path, 'utf8');
  } catch (error) {
    throw problem('read', path, error);
  }
}

function asState(json: string, path: string, advice = 'keep one with `bridgewatch audit --save FILE`') {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    // Said below.
  }
  if (typeof value === 'object' && value !== null && 'format' in value && value.format === FORMAT)
    return value as { readonly version?: unknown };
  throw new StateFileError(`${path} is no saved state of bridgewatch, ${advice}`);
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? 'none').slice(0, 40);
}

function problem(what: 'read' | 'write', path: string, error: unknown): StateFileError {
  if (error instanceof StateFileError) return error;
  return new StateFileError(`cannot ${what} ${path}: ${whyNot(error as NodeJS.ErrnoException)}`, {
    cause: error,
  });
}

function whyNot({ code, message }: NodeJS.ErrnoException): string {
  switch (code) {
    case 'ENOENT':
      return 'it does not exist, or its folder does not';
    case 'EACCES':
    case 'EPERM':
      return `no permission as user ${process.geteuid?.()}`;
    case 'ENOSPC':
      return 'the disk is full';
    case 'EROFS':
      return 'its file system is read-only';
    default:
      return message;
  }
}
