/**
 * Options from the environment: `BRIDGEWATCH_<SECTION>_<KEY>`, in capitals, for every option that is one
 * value or a list (comma-separated). A name that fits no option is refused, as an unknown key in the file is.
 */
import type { z } from 'zod';
import { nearest } from '../model/nearest.ts';
import type { ConfigIssue } from './error.ts';
import { isListOfSections, type JsonSchema, jsonSchemaOf } from './json-schema.ts';

export const ENVIRONMENT_PREFIX = 'BRIDGEWATCH_';

/** Read by the commands themselves, not options. */
const NOT_OPTIONS = new Set(['BRIDGEWATCH_CONFIG', 'BRIDGEWATCH_DEBUG']);

interface Leaf {
  readonly path: readonly string[];
  readonly type: string;
  /** The values it may have, where they are few. */
  readonly choices?: readonly unknown[];
}

export interface EnvironmentSource {
  readonly value: Record<string, unknown>;
  readonly issues: readonly ConfigIssue[];
  /** The variable that set the option at that path. */
  locate(path: readonly PropertyKey[]): string | undefined;
}

export function readEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  schema: z.ZodType,
): EnvironmentSource {
  const ours = Object.entries(env).filter(
    ([name]) => name.startsWith(ENVIRONMENT_PREFIX) && !NOT_OPTIONS.has(name),
  );
  // The schema is walked for those who set something.
  const options = ours.length === 0 ? [] : leavesOf(schema);
  const leaves = new Map(options.map((leaf) => [environmentName(leaf.path), leaf]));
  const value: Record<string, unknown> = {};
  const issues: ConfigIssue[] = [];
  const places = new Map<string, string>();
  for (const [name, text] of ours) {
    if (text === undefined) continue;
    const leaf = leaves.get(name);
    if (leaf === undefined) {
      const meant = nearest(name, [...leaves.keys()]);
      const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
      issues.push({ where: `environment ${name}`, path: '', problem: `no such option${hint}` });
      continue;
    }
    setIn(value, leaf.path, parseAs(leaf, text));
    places.set(leaf.path.join('.'), `environment ${name}`);
  }
  return {
    value,
    issues,
    locate: (path) => places.get(path.slice(0, 3).join('.')) ?? places.get(path.slice(0, 2).join('.')),
  };
}

export function environmentName(path: readonly string[]): string {
  return ENVIRONMENT_PREFIX + path.map((part) => part.toUpperCase().replaceAll('-', '_')).join('_');
}

/** Every option that is one value or a list of values, with its JSON type, from the schema itself. */
export function leavesOf(schema: z.ZodType): Leaf[] {
  return collect(jsonSchemaOf(schema), []);
}

function collect(schema: JsonSchema, path: readonly string[]): Leaf[] {
  if (isListOfSections(schema)) return [];
  if (schema.properties === undefined) {
    const choices = schema.enum === undefined ? {} : { choices: schema.enum };
    return path.length === 0 ? [] : [{ path, type: schema.type ?? 'string', ...choices }];
  }
  return Object.entries(schema.properties).flatMap(([key, child]) => collect(child, [...path, key]));
}

/** A text that does not read as the type stays a text, so that the schema's own message names the value. */
function parseAs({ type, choices }: Leaf, text: string): unknown {
  // Numbers and words may stand beside each other there.
  const choice = choices?.find((each) => String(each) === text);
  if (choice !== undefined) return choice;
  switch (type) {
    case 'number':
    case 'integer':
      return text.trim() === '' || Number.isNaN(Number(text)) ? text : Number(text);
    case 'boolean':
      return text === 'true' || text === '1' ? true : text === 'false' || text === '0' ? false : text;
    case 'array':
      return text === '' ? [] : text.split(',').map((item) => item.trim());
    default:
      return text;
  }
}

export function setIn(target: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [head, ...rest] = path;
  if (rest.length === 0) {
    target[head!] = value;
    return;
  }
  const next = target[head!];
  const child = typeof next === 'object' && next !== null ? (next as Record<string, unknown>) : {};
  target[head!] = child;
  setIn(child, rest, value);
}
