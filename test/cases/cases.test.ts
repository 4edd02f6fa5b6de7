/**
 * Every folder here is a case: a capture (`make.ts` writes it, or it lies there as `input.pcap`), what must come of it
 * (`case.yaml`), and why (`README.md`). The words of case.yaml are explained in test/cases/README.md. What a case
 * does not mention must not happen: a finding, an anomaly, a loss that no check expects fails it.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PublicRecord } from '../../src/model/serialize.ts';
import { FORMAT_NAMES } from '../../src/station/formats/formats.ts';
import { formatProblems } from '../support/format-schemas.ts';
import { outputSchema } from '../support/output-schema.ts';
import { type Check, matches, unexplained } from './expectation.ts';
import { CASES, caseNames, readCase, removeCaptures, replayCase } from './replay-case.ts';

const names = caseNames();

afterAll(removeCaptures);

it('there are cases', () => {
  expect(names.length).toBeGreaterThan(20);
});

describe.each(names)('%s', (name) => {
  const path = join(CASES, name);
  const expected = readCase(name);
  let lines: readonly string[];
  let records: readonly PublicRecord[];

  beforeAll(async () => {
    lines = await replayCase(name);
    expect(await replayCase(name), 'a second run says something else').toEqual(lines);
    records = lines.map((line) => JSON.parse(line) as PublicRecord);
  });

  it('says why it is there', () => {
    expect(readFileSync(join(path, 'README.md'), 'utf8')).toMatch(new RegExp(`^# ${name}\n\n\\S`));
  });

  it.each(expected.checks.map((check) => [describeCheck(check), check] as const))('%s', (_, check) => {
    const found = records.filter((record) => matches(record, check.match));
    const { min, max } =
      typeof check.count === 'number' ? { min: check.count, max: check.count } : check.count;

    expect(found.length, show(records)).toBeGreaterThanOrEqual(min);
    expect(found.length, show(found)).toBeLessThanOrEqual(max);
    for (const record of found) {
      for (const not of check.not ?? []) expect(matches(record, not), show([record])).toBe(false);
    }
  });

  it('has the summary it should, and nothing that nobody expects', () => {
    const {
      kind: _,
      first: __,
      last: ___,
      ...summary
    } = records.at(-1) as PublicRecord & { kind: 'summary' };

    expect(summary).toEqual(expect.objectContaining(expected.stats));
    expect(unexplained(records, expected.checks).map((record) => JSON.stringify(record))).toEqual([]);
  });

  it('gives records as docs/output.schema.json has them', () => {
    for (const record of records) expect(outputSchema().problems(record), show([record])).toEqual([]);
  });

  it('gives lines in every other format as docs/schemas has them', () => {
    for (const record of records)
      for (const format of FORMAT_NAMES)
        expect(formatProblems(format, record), `${format} of ${show([record])}`).toEqual([]);
  });
});

function describeCheck({ count, match, not }: Check): string {
  const times = typeof count === 'number' ? `${count}x` : `${count.min}..${count.max}x`;
  return `${times} ${JSON.stringify(match)}${not === undefined ? '' : ` but not ${JSON.stringify(not)}`}`;
}

function show(records: readonly PublicRecord[]): string {
  return records.map((record) => JSON.stringify(record)).join('\n');
}
