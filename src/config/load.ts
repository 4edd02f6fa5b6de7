/**
 * Configuration from one YAML file, the environment and flags, later ones winning. Everything is checked
 * before anything runs, offline, and every problem is reported with its place and the nearest valid key.
 */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { z } from 'zod';
import { readEnvironment } from './environment.ts';
import { ConfigError, type ConfigIssue } from './error.ts';
import { nearest } from './nearest.ts';
import { type Config, configSchema, type OptionsOfAnalyzer } from './schema.ts';
import { parseYaml, type YamlSource } from './yaml-source.ts';

export interface ConfigSources {
  /** Path of the YAML file; absent: none is read. */
  readonly file?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Nested as the file is: `{ capture: { backend: 'portable' } }`. */
  readonly flags?: Readonly<Record<string, unknown>>;
  /** The analyzers' own options; handed in, because configuration must not know the detectors. */
  readonly analyzers: readonly OptionsOfAnalyzer[];
}

export function loadConfig(sources: ConfigSources): Config {
  const schema = configSchema(sources.analyzers);
  const yaml =
    sources.file === undefined ? undefined : parseYaml(readConfigFile(sources.file), basename(sources.file));
  const environment = readEnvironment(sources.env ?? {}, schema);
  const flags = sources.flags ?? {};
  const merged = merge(merge(yaml?.value ?? {}, environment.value), flags);
  const result = schema.safeParse(merged);
  const locate = (path: readonly PropertyKey[]): string => {
    if (hasIn(flags, path)) return `flag for ${path.join('.')}`;
    return environment.locate(path) ?? yaml?.locate(path) ?? 'configuration';
  };
  const found = result.success
    ? []
    : result.error.issues.flatMap((issue) => describe(issue, schema, yaml, locate));
  const issues = [...environment.issues, ...found];
  if (issues.length > 0) throw new ConfigError(issues);
  return result.data as Config;
}

function readConfigFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    const why = code === 'ENOENT' ? 'no such file' : code === 'EISDIR' ? 'it is a directory' : code;
    const problem = `cannot read the configuration: ${why}; give an existing file with --config`;
    throw new ConfigError([{ where: path, path: '', problem }]);
  }
}

function describe(
  issue: z.core.$ZodIssue,
  schema: z.ZodType,
  yaml: YamlSource | undefined,
  locate: (path: readonly PropertyKey[]) => string,
): ConfigIssue[] {
  const path = issue.path.join('.');
  if (issue.code === 'unrecognized_keys') {
    const valid = keysAt(schema, issue.path.map(String));
    return issue.keys.map((key) => {
      const meant = nearest(key, valid);
      const hint = meant === undefined ? `; valid here: ${valid.join(', ')}` : `; did you mean "${meant}"?`;
      const inFile = yaml?.has([...issue.path, key]) === true;
      return {
        where: inFile ? yaml.locateKey(issue.path, key) : locate([...issue.path, key]),
        path,
        problem: `unknown key "${key}"${hint}`,
      };
    });
  }
  return [{ where: locate(issue.path), path, problem: issue.message }];
}

/** The keys that the schema allows at a path. */
function keysAt(schema: z.ZodType, path: readonly string[]): string[] {
  let node = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as {
    properties?: Record<string, typeof node>;
  };
  for (const part of path) node = node.properties?.[part] ?? {};
  return Object.keys(node.properties ?? {});
}

function merge(base: unknown, over: unknown): unknown {
  if (!isPlainObject(base) || !isPlainObject(over)) return over ?? base;
  const out: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over))
    if (value !== undefined) out[key] = merge(base[key], value);
  return out;
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function hasIn(value: unknown, path: readonly PropertyKey[]): boolean {
  if (path.length === 0) return true;
  const [head, ...rest] = path;
  return isPlainObject(value) && value[String(head)] !== undefined && hasIn(value[String(head)], rest);
}
