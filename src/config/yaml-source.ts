/** Reads the YAML file and remembers where each key stands, so that an error can say file:line:column. */
import { createRequire } from 'node:module';
import type { Document, YAMLError } from 'yaml';
import { ConfigError, type ConfigIssue } from './error.ts';

export interface YamlSource {
  readonly value: unknown;
  /** `config.yaml:14:7` of the value at that path, or of its nearest ancestor that exists. */
  locate(path: readonly PropertyKey[]): string;
  /** The same for a key itself, for keys that should not be there. */
  locateKey(path: readonly PropertyKey[], key: string): string;
  has(path: readonly PropertyKey[]): boolean;
}

/** Loaded with the first file: most commands run without one, and the parser would be a tenth of their start. */
const loadYaml = (): typeof import('yaml') => createRequire(import.meta.url)('yaml');

export function parseYaml(text: string, fileName: string): YamlSource {
  const { LineCounter, parseDocument } = loadYaml();
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, strict: true, stringKeys: true });
  const place = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${fileName}:${line}:${col}`;
  };
  // A warning (an unknown tag, say) means that something would be read otherwise than it was meant.
  const problems = [...document.errors, ...document.warnings];
  if (problems.length > 0) {
    const issues: ConfigIssue[] = problems.map((error) => ({
      where: place(error.pos[0]),
      path: '',
      problem: `not valid YAML: ${problemText(error)}`,
    }));
    throw new ConfigError(issues);
  }
  const value = toValue(document, fileName);
  return {
    value,
    locate: (path) => place(offsetOf(document, path)),
    locateKey: (path, key) => place(keyOffset(document, path, key) ?? offsetOf(document, path)),
    has: (path) => document.hasIn(path),
  };
}

/** The library's own words, where they are meant for who wrote the file. */
function problemText({ code, message }: YAMLError): string {
  if (code === 'MULTIPLE_DOCS') return 'a second document (---) begins here; everything belongs in one';
  if (code === 'NON_STRING_KEY') return 'a key must be a plain text';
  return message.split('\n')[0]!.replace(/ at line \d+, column \d+:?$/, '');
}

/** Aliases are bounded: a few lines of YAML must not expand into gigabytes. */
function toValue(document: Document, fileName: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    const problem = `not valid YAML: ${error instanceof Error ? error.message : String(error)}`;
    throw new ConfigError([{ where: `${fileName}:1:1`, path: '', problem }]);
  }
}

function offsetOf(document: Document, path: readonly PropertyKey[]): number {
  const { isMap, isScalar, isSeq } = loadYaml();
  for (let length = path.length; length > 0; length--) {
    const node = document.getIn(path.slice(0, length), true);
    if (isMap(node) || isSeq(node) || isScalar(node)) return node.range?.[0] ?? 0;
  }
  return 0;
}

function keyOffset(document: Document, path: readonly PropertyKey[], key: string): number | undefined {
  const { isMap, isScalar } = loadYaml();
  const map = path.length === 0 ? document.contents : document.getIn(path, true);
  if (!isMap(map)) return undefined;
  for (const pair of map.items) {
    if (isScalar(pair.key) && String(pair.key.value) === key) return pair.key.range?.[0];
  }
  return undefined;
}
