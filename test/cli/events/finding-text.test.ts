import { describe, expect, it } from 'vitest';
import { findingText } from '../../../src/cli/events/finding-text.ts';
import type { Finding } from '../../../src/model/finding.ts';
import { type PublicFinding, parseRecord, serializeRecord } from '../../../src/model/serialize.ts';
import { finding } from '../../station/support/records.ts';

const text = (fields: Partial<Finding> = {}) =>
  findingText(parseRecord(serializeRecord({ ...finding(1), ...fields })) as PublicFinding);

describe('a finding as text', () => {
  const { firstSeen } = finding(1);

  it('tells since when, unless it was seen once, in the second that is told', () => {
    expect(text({ lastSeen: firstSeen, count: 1 })).toContain('  seen 1x  ');
    expect(text({ lastSeen: firstSeen, count: 3 })).toContain('  seen 3x since 2026-11-23 14:00:00Z  ');
    expect(text({ lastSeen: firstSeen + 61_000_000, count: 1 })).toMatch(/ {2}seen 1x since \d{4}-.*Z {2}/);
  });

  it('escapes the sentence once: names stand there as they do in records', () => {
    const sentence = String.raw`asked for a\255\046b.example (NULL \# 2 00ff)`;

    expect(text({ explanation: sentence })).toContain(sentence);
  });

  it('says of an exception what it would be without, and why it is one', () => {
    const exception = { reason: 'a \u001b[31mbackup', severity: 'high' } as const;

    expect(text({ severity: 'informational', exception })).toMatch(
      / {2}exception, else high: a \\x1b\[31mbackup$/,
    );
  });

  it('lets nothing through that a terminal would obey', () => {
    const hostile = 'x\u001b[31m\u009b\nforged\u202e';

    expect(text({ explanation: hostile, network: hostile })).toMatch(/^[ -~]*\n[ -~]*$/);
  });
});
