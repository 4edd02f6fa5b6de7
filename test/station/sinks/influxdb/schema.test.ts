import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseRecord, serializeRecord } from '../../../../src/model/serialize.ts';
import { INFLUXDB_KINDS, numbersOf, pointShapes } from '../../../../src/station/sinks/influxdb/points.ts';
import {
  MEASUREMENTS,
  type MeasurementSchema,
  openTags,
} from '../../../../src/station/sinks/influxdb/schema.ts';
import { OPEN_TAGS } from '../../../../src/station/sinks/influxdb/tag-guard.ts';
import { RECORD_KINDS_NOT_SENT, SAMPLES } from './samples.ts';

const schemas: Readonly<Record<string, MeasurementSchema>> = MEASUREMENTS;
const JS_TYPES = { string: 'string', integer: 'bigint', boolean: 'boolean' } as const;
const points = SAMPLES.flatMap((record) => pointShapes(parseRecord(serializeRecord(record)), 'host1'));

describe('what is written to InfluxDB', () => {
  it('is declared: measurement, tags, fields and their types', () => {
    for (const point of points) {
      const schema = schemas[point!.measurement];
      expect(schema, point!.measurement).toBeDefined();
      expect(Object.keys(point!.tags).toSorted()).toEqual(Object.keys(schema!.tags).toSorted());
      expect(Object.keys(point!.fields).toSorted()).toEqual(Object.keys(schema!.fields).toSorted());
      for (const [name, value] of Object.entries(point!.fields)) {
        const field = schema!.fields[name]!;
        if (value !== undefined) expect(typeof value, name).toBe(JS_TYPES[field.type]);
      }
    }
  });

  it('is all that is declared: each field has a value in some sample', () => {
    const seen = new Set(
      points.flatMap((point) =>
        Object.entries(point!.fields)
          .filter(([, value]) => value !== undefined)
          .map(([name]) => `${point!.measurement}.${name}`),
      ),
    );
    const declared = Object.entries(schemas).flatMap(([measurement, { fields }]) =>
      Object.keys(fields).map((name) => `${measurement}.${name}`),
    );

    expect([...seen].toSorted()).toEqual(declared.toSorted());
  });

  it('is of these kinds and no others', () => {
    expect(new Set(SAMPLES.map(({ kind }) => kind))).toEqual(INFLUXDB_KINDS);
    for (const record of RECORD_KINDS_NOT_SENT)
      expect(pointShapes(parseRecord(serializeRecord(record)), 'host1')).toEqual([]);
  });

  it('has a number or a truth value in every point, for servers without text', () => {
    for (const point of points) {
      const values = Object.values(numbersOf(point!.fields)).filter((value) => value !== undefined);
      expect(values.length, point!.measurement).toBeGreaterThan(0);
    }
  });

  it('has bounds: the guard folds the tags that are declared as open, and no others', () => {
    expect(new Set(OPEN_TAGS)).toEqual(openTags());
  });

  it('makes an annotation of each finding, as Grafana reads it', () => {
    const { fields } = points[0]!;

    expect(fields['title']).toBe('Egress from an internal network');
    expect(fields['text']).toBe(fields['explanation']);
    expect(fields['tags']).toBe('high,internal-egress,T1048');
  });

  it('is what the page says', () => {
    const page = readFileSync(new URL('../../../../docs/influxdb.md', import.meta.url), 'utf8');
    const [, written] = /^## What is written\n(.*?)^## /ms.exec(page)!;
    const sections = new Map(
      written!
        .split(/^### /m)
        .slice(1)
        .flatMap((text) => {
          const [title] = text.split('\n');
          return [...title!.matchAll(/`(\w+)`/g)].map(([, name]) => [name!, text] as const);
        }),
    );

    for (const [measurement, { tags, fields }] of Object.entries(schemas))
      for (const name of [...Object.keys(tags), ...Object.keys(fields)])
        expect(sections.get(measurement), `${measurement}: ${name}`).toContain(`\`${name}\``);
  });
});
