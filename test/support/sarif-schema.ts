/** What the JSON schema of SARIF 2.1.0 says against a log; empty where it fits (test/fixtures/sarif). */
import { readFileSync } from 'node:fs';
import { Ajv, type ValidateFunction } from 'ajv';

const SCHEMA = new URL('../fixtures/sarif/sarif-2.1.0-rtm.5.json', import.meta.url);

let fits: ValidateFunction | undefined;

export function sarifProblems(log: unknown): string[] {
  fits ??= readSchema();
  fits(log);
  return (fits.errors ?? []).map(({ instancePath, message }) => `${instancePath}: ${message}`);
}

function readSchema(): ValidateFunction {
  // Draft 4, which differs in nothing that this schema uses but in how it calls itself.
  const {
    $schema: _,
    id: __,
    ...schema
  } = JSON.parse(readFileSync(SCHEMA, 'utf8')) as Record<string, unknown>;
  const ajv = new Ajv({ allErrors: true, strict: false, unicodeRegExp: false });
  ajv.addFormat('uri', (text) => URL.canParse(text));
  ajv.addFormat('uri-reference', (text) => URL.canParse(text, 'file:///') && !/[\s\\{}<>"]/.test(text));
  ajv.addFormat('date-time', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/);
  return ajv.compile(schema);
}
