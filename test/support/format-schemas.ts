/** What is wrong with a record in an output format: its line as such, and what docs/schemas says of it. */
import { readFileSync } from 'node:fs';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import type { PublicRecord } from '../../src/model/serialize.ts';
import type { Emitter } from '../../src/station/formats/format.ts';
import { FORMATS, type FormatName } from '../../src/station/formats/formats.ts';
import { outputSchema } from './output-schema.ts';

export const EMITTER: Emitter = { host: 'vps1', version: '0.1.0' };

const SCHEMAS = new URL('../../docs/schemas/', import.meta.url);
const checks = new Map<FormatName, ValidateFunction>();

/** Empty when all is well, also where the format has no form for the record. */
export function formatProblems(name: FormatName, record: PublicRecord): string[] {
  const line = FORMATS[name].encode(record, EMITTER);
  if (line === undefined) return [];
  const problems = lineProblems(line);
  if (name === 'cef') return problems;
  const value: unknown = JSON.parse(line);
  if (name === 'native') return [...problems, ...outputSchema().problems(value)];
  const check = schemaCheck(name);
  if (!check(value))
    for (const { instancePath, message, params } of check.errors ?? [])
      problems.push(`${instancePath} ${message} ${JSON.stringify(params)}`);
  return problems;
}

/** What no line of any format may hold. */
export function lineProblems(line: string): string[] {
  const problems: string[] = [];
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there.
  const unprintable = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/.exec(
    line,
  );
  if (unprintable !== null)
    problems.push(`U+${unprintable[0].charCodeAt(0).toString(16)} at ${unprintable.index}`);
  if (Buffer.from(line, 'utf8').toString('utf8') !== line) problems.push('no valid UTF-8');
  return problems;
}

function schemaCheck(name: FormatName): ValidateFunction {
  let check = checks.get(name);
  if (check === undefined) {
    const schema = JSON.parse(readFileSync(new URL(`${name}.schema.json`, SCHEMAS), 'utf8')) as object;
    check = new Ajv2020({ allErrors: true }).compile(schema);
    checks.set(name, check);
  }
  return check;
}
