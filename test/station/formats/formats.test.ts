/** What holds for every format: the schemas, that nothing is lost, and that no text from the wire breaks a line. */
import { EcsFlat } from '@elastic/ecs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { recordSchemas } from '../../../docs/record-schema.ts';
import { type Json, sampleRecord } from '../../../docs/sample-record.ts';
import { asRecord, traceKind } from '../../../docs/trace-format.ts';
import {
  FORMAT_NAMES,
  FORMATS,
  type FormatName,
  formatDelivery,
} from '../../../src/station/formats/formats.ts';
import { EMITTER, formatProblems } from '../../support/format-schemas.ts';
import { HOSTILE_TEXTS, hostileText } from '../support/hostile.ts';
import { finding, flow } from '../support/records.ts';
import { EVERY_KIND, encoded, publicForm } from './support.ts';

const schemas = recordSchemas();
const WHOLE = ['finding', 'flow', 'dns'] as const;
const samples = new Map(WHOLE.map((kind) => [kind, sampleRecord(kind, schemas)]));

describe.each(FORMAT_NAMES)('%s', (name) => {
  it.each(EVERY_KIND.map((record) => [record.kind, record] as const))(
    'has a %s as its schema has it',
    (_, record) => {
      expect(formatProblems(name, publicForm(record))).toEqual([]);
    },
  );

  it.each(WHOLE)('has a %s with every field that there is, and every value, as its schema has it', (kind) => {
    const { record, leaves } = samples.get(kind)!;

    for (const variant of [record, ...leaves.flatMap(({ variants }) => variants)])
      expect(formatProblems(name, asRecord(variant)), JSON.stringify(variant)).toEqual([]);
  });

  it('survives any text in any place, as one line', () => {
    const texts = fc.oneof(
      hostileText,
      fc.constantFrom(...HOSTILE_TEXTS, 'x'.repeat(65_536), '\u202e"\\'.repeat(9000)),
    );
    fc.assert(
      fc.property(
        fc.constantFrom(...WHOLE),
        fc.array(texts, { minLength: 3, maxLength: 8 }),
        (kind, pool) => {
          const record = withTexts(samples.get(kind)!.record, pool);

          expect(formatProblems(name, asRecord(record))).toEqual([]);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('says the same of the same record', () => {
    for (const record of EVERY_KIND)
      expect(FORMATS[name].encode(publicForm(record), EMITTER)).toBe(
        FORMATS[name].encode(publicForm(record), EMITTER),
      );
  });

  it('has a form for the kinds that it says, and for no other', () => {
    for (const record of EVERY_KIND)
      expect(encoded(name, record) !== undefined, record.kind).toBe(FORMATS[name].carries(record.kind));
  });
});

describe.each(WHOLE)('of a %s', (kind) => {
  const foreign: readonly FormatName[] = ['eve', 'ecs', 'ocsf'];

  it('no field is lost, in any format with room for the rest', () => {
    for (const { path, goesTo } of traceKind(kind, foreign, schemas))
      for (const name of foreign) expect(goesTo.get(name), `${path} in ${name}`).not.toEqual([]);
  });
});

describe('ecs', () => {
  const known = EcsFlat as Readonly<
    Record<string, { readonly type: string; readonly normalize: readonly string[] }>
  >;

  it('has only fields of ECS outside `bridgewatch`, lists where ECS has lists', () => {
    const documents = [...EVERY_KIND.map((record) => encoded('ecs', record)), ...WHOLE.map(sampleInEcs)];
    const fields = new Map(documents.flatMap((document) => leavesOf(document, '')));

    expect(fields.size).toBeGreaterThan(60);
    for (const [path, value] of fields) {
      const field = known[path];
      expect(field, path).toBeDefined();
      const isList = field?.normalize.includes('array') === true;
      expect(Array.isArray(value), `${path} as a list`).toBe(isList);
      if (field?.type === 'long') expect(Number.isInteger(value), path).toBe(true);
    }
  });

  function sampleInEcs(kind: (typeof WHOLE)[number]): Json {
    return JSON.parse(FORMATS.ecs.encode(asRecord(samples.get(kind)!.record), EMITTER)!) as Json;
  }

  /** Fields that ECS has as objects of anything are one leaf. */
  function leavesOf(json: Json, path: string): [string, Json][] {
    if (path === 'bridgewatch') return [];
    if (typeof json !== 'object' || Array.isArray(json) || known[path]?.type === 'object')
      return [[path, json]];
    return Object.entries(json).flatMap(([name, value]) =>
      leavesOf(value, path === '' ? name : `${path}.${name}`),
    );
  }
});

describe('formatDelivery', () => {
  it('passes the native line on as it is', () => {
    const text = '{"kind":"finding","made":"by a newer version"}';

    expect(formatDelivery('native', { kind: 'finding', text }, EMITTER)).toBe(text);
  });

  it('encodes what the format carries', () => {
    const record = publicForm(finding(1));

    expect(formatDelivery('cef', { kind: 'finding', text: JSON.stringify(record) }, EMITTER)).toBe(
      FORMATS.cef.encode(record, EMITTER),
    );
  });

  it('does not even read what the format has no form for', () => {
    expect(formatDelivery('cef', { kind: 'flow', text: 'no JSON' }, EMITTER)).toBeUndefined();
  });
});

describe('a time that only a damaged capture has', () => {
  it.each(['eve', 'ecs', 'ocsf', 'cef'] as const)('has no form in %s', (name) => {
    for (const lastSeen of [Number.NaN, 300_000_000_000_000_000]) {
      expect(encoded(name, finding(1, { lastSeen }))).toBeUndefined();
      expect(encoded('native', finding(1, { lastSeen }))).toBeDefined();
    }
  });

  it('leaves the record its form when it is only its start', () => {
    expect(encoded('ecs', flow(1, { start: Number.NaN })).event).not.toHaveProperty('start');
    expect(encoded('eve', flow(1, { start: Number.NaN })).flow).not.toHaveProperty('start');
  });
});

/** Free texts of a sample are replaced; words and addresses that the sensor makes stay. */
function withTexts(json: Json, pool: readonly string[]): Json {
  let next = 0;
  const replace = (value: Json): Json => {
    if (typeof value === 'string') return /^text |example/.test(value) ? pool[next++ % pool.length]! : value;
    if (Array.isArray(value)) return (value as readonly Json[]).map(replace);
    if (typeof value === 'object')
      return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, replace(inner)]));
    return value;
  };
  return replace(json);
}
