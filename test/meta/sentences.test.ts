/**
 * Every sentence of every analyzer, filled with the worst that names and numbers can be: what comes out is one printable
 * line that a person can still read.
 */
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { sources } from '../../docs/generate-analyzers.ts';
import type { EvidenceValue } from '../../src/model/finding.ts';
import type { AnalyzerDefinition } from '../../src/sensor/analysis/analyzer.ts';
import { renderSentence } from '../../src/sensor/findings/explain.ts';
import { address, container, workload } from '../support/records.ts';

/** Below what `bridgewatch events` shows of a sentence, so that it never cuts one. */
const MAX_CHARS = 1400;
const MAX_TEMPLATE_CHARS = 480;

const CONTROL = 'x\u001b[2J\u0007\u009b31m\u0000\r\n\ttab\u007f';
const BIDI = 'a\u202egnp.exe\u2066\u200f\u2028\ufeff';
const QUOTES = `'"\`$(id){subject}\\\\{evil}</b>%s`;
/** 255 bytes on the wire, escaped as in RFC 4343. */
const LONGEST_NAME = `${`${'\\255'.repeat(63)}.`.repeat(3)}${'\\000'.repeat(59)}`;
const UNKNOWN_DATA = `NULL \\# 1000 ${'0123456789abcdef'.repeat(15)}`;
const HOSTILE = [CONTROL, BIDI, QUOTES, LONGEST_NAME, UNKNOWN_DATA];

interface Property {
  readonly type?: string;
  readonly enum?: readonly string[];
}

function keysOf(definition: AnalyzerDefinition): [string, Property][] {
  return Object.entries(z.toJSONSchema(definition.evidence).properties as Record<string, Property>);
}

/** As the evidence's own schema allows it. */
function worstOf({ type, enum: words }: Property, text: string): EvidenceValue {
  if (words !== undefined) return words[0]!;
  if (type === 'boolean') return true;
  if (type === 'number' || type === 'integer') return 12_345.678_901_234_567;
  return type === 'array' ? Array.from({ length: 20 }, () => text) : text;
}

function sentence(definition: AnalyzerDefinition, template: string, text: string): string {
  const evidence = Object.fromEntries(
    keysOf(definition).map(([key, property]) => [key, worstOf(property, text)]),
  );
  const owner = workload(text, [text], { composeProject: text, composeService: text });
  const names = [text];
  return renderSentence(template, {
    subject: container('app', '172.30.0.10', { workload: owner }),
    peers: Array.from({ length: 20 }, (_, i) => address(`2001:db8::${i}`, 'internet', { names })),
    network: text,
    evidence,
  });
}

const messages = sources.flatMap((definition) =>
  Object.entries(definition.messages).map(([message, template]) => ({
    id: `${definition.id} ${message}`,
    definition,
    template,
  })),
);

describe.each(messages)('the sentence of $id', ({ definition, template }) => {
  it.each(HOSTILE)('is one short printable line, whatever the names: %j', (text) => {
    const written = sentence(definition, template, text);

    expect(written).toMatch(/^[ -~]+$/);
    expect(written.length).toBeLessThanOrEqual(MAX_CHARS);
  });

  it('writes numbers with as many digits as a person reads', () => {
    expect(sentence(definition, template, 'name')).not.toMatch(/\d{8}|\d\.\d{4}/);
  });

  it('says so where something is not known', () => {
    const written = renderSentence(template, {
      subject: container('app', '172.30.0.10'),
      peers: [],
      evidence: {},
    });

    expect(written).not.toMatch(/undefined|NaN|null|\[object/);
  });

  it('names who did it, first, and ends', () => {
    expect(template).toMatch(/^\{subject\} .*[.]$/);
    expect(template.length).toBeLessThanOrEqual(MAX_TEMPLATE_CHARS);
  });
});
