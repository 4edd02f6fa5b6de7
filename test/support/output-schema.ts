/**
 * docs/output.schema.json as a check of records. The schema is read by zod, so that what is generated and what
 * checks are not the same code.
 */
import { readFileSync } from 'node:fs';
import { z } from 'zod';

const SCHEMA = new URL('../../docs/output.schema.json', import.meta.url);

export interface OutputSchema {
  readonly kinds: readonly string[];
  /** Where and why a record does not fit; empty when it does. */
  problems(record: unknown): string[];
}

let known: OutputSchema | undefined;

export function outputSchema(): OutputSchema {
  known ??= readSchema();
  return known;
}

function readSchema(): OutputSchema {
  const { $defs } = JSON.parse(readFileSync(SCHEMA, 'utf8')) as {
    $defs: Record<string, z.core.JSONSchema.JSONSchema>;
  };
  const kinds = Object.keys($defs)
    .filter((name) => name.startsWith('record-'))
    .map((name) => name.slice('record-'.length));
  const checks = new Map(
    kinds.map((kind) => [kind, z.fromJSONSchema({ $ref: `#/$defs/record-${kind}`, $defs })]),
  );
  return {
    kinds,
    problems(record) {
      const kind = (record as { kind?: string } | null)?.kind ?? '';
      const check = checks.get(kind);
      if (check === undefined) return [`no such kind: ${JSON.stringify(kind)}`];
      const { error } = check.safeParse(record);
      return (error?.issues ?? []).map(({ path, message }) => `${path.join('.')}: ${message}`);
    },
  };
}
