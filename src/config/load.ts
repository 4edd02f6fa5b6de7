/**
 * Configuration from one YAML file, the environment and flags, later ones winning. Everything is checked
 * before anything runs, offline, and every problem is reported with its place and the nearest valid key.
 */
import { readFileSync } from 'node:fs';
import type { z } from 'zod';
import { nearest } from '../model/nearest.ts';
import { readEnvironment } from './environment.ts';
import { ConfigError, type ConfigIssue } from './error.ts';
import { type JsonSchema, jsonSchemaOf, schemaAt } from './json-schema.ts';
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
  const yaml = sources.file === undefined ? undefined : parseYaml(readConfigFile(sources.file), sources.file);
  const environment = readEnvironment(sources.env ?? {}, schema);
  const flags = withoutEmpty(sources.flags ?? {});
  const merged = [environment.value, flags].reduce(merge, withoutEmpty(yaml?.value ?? {}));
  const result = schema.safeParse(merged);
  const locate = (path: readonly PropertyKey[]): string => {
    if (setsValueAt(flags, path)) return `flag for ${path.join('.')}`;
    return environment.locate(path) ?? yaml?.locate(path) ?? 'configuration';
  };
  const found = result.success
    ? []
    : result.error.issues.flatMap((issue) => describe(issue, merged, schema, yaml, locate));
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
  input: unknown,
  schema: z.ZodType,
  yaml: YamlSource | undefined,
  locate: (path: readonly PropertyKey[]) => string,
): ConfigIssue[] {
  const path = issue.path.join('.');
  if (issue.code === 'unrecognized_keys') {
    const valid = Object.keys(schemaAt(jsonSchemaOf(schema), issue.path, input)?.properties ?? {});
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
  const got = gotText(valueAt(input, issue.path), schemaAt(jsonSchemaOf(schema), issue.path, input));
  return [{ where: locate(issue.path), path, problem: `${issue.message}${got}` }];
}

/** The value, where it cannot be a password or an address with one in it: texts are not repeated. */
function gotText(value: unknown, option: JsonSchema | undefined): string {
  const choices = option?.enum?.map(String);
  if (choices !== undefined && typeof value === 'string' && !choices.includes(value)) {
    const meant = nearest(value, choices);
    return ` (it is ${JSON.stringify(value)}${meant === undefined ? '' : `; did you mean "${meant}"?`})`;
  }
  const isPlain = typeof value === 'number' || typeof value === 'boolean';
  return isPlain ? ` (it is ${String(value)})` : '';
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      typeof value === 'object' && value !== null ? (value as Record<PropertyKey, unknown>)[key] : undefined,
    input,
  );
}

/** A key without a value (a section whose options are all commented out) is as good as absent. */
function withoutEmpty(value: unknown): unknown {
  if (!isPlainObject(value)) return value;
  const entries = Object.entries(value).filter(([, child]) => child !== undefined && child !== null);
  // fromEntries makes own properties, so that even a key `__proto__` is seen and refused.
  return Object.fromEntries(entries.map(([key, child]) => [key, withoutEmpty(child)]));
}

/** Sections are merged, values replaced. A list where a section belongs stays, for the schema to refuse. */
function merge(base: unknown, over: unknown): unknown {
  if (!isPlainObject(over)) return over;
  if (base === undefined) return over;
  if (!isPlainObject(base)) return base;
  const entries = new Map(Object.entries(base));
  for (const [key, value] of Object.entries(over)) entries.set(key, merge(entries.get(key), value));
  return Object.fromEntries(entries);
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether that very value is given there; a section is no value. */
function setsValueAt(value: unknown, path: readonly PropertyKey[]): boolean {
  const found = valueAt(value, path);
  return found !== undefined && !isPlainObject(found);
}
