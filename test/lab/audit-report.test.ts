import { describe, expect, it } from 'vitest';
import { readAudit } from '../../scripts/audit-report.ts';

const report = (vulnerabilities: object, total: number) =>
  JSON.stringify({ auditReportVersion: 2, vulnerabilities, metadata: { vulnerabilities: { total } } });

describe('what npm audit says', () => {
  it('is clean only where the registry answered that there is nothing', () => {
    expect(readAudit(report({}, 0))).toEqual({ outcome: 'clean' });
  });

  it('names each hole', () => {
    const found = { ws: { name: 'ws', severity: 'high', range: '<8.17.1', fixAvailable: true } };
    expect(readAudit(report(found, 1))).toEqual({ outcome: 'holes', holes: ['ws <8.17.1: high'] });
    expect(readAudit(report({}, 2))).toMatchObject({ outcome: 'holes' });
  });

  it.each([
    ['a registry without that service', JSON.stringify({ message: '405 Method Not Allowed', error: {} })],
    ['nothing at all', ''],
    ['what is no JSON', '<html>'],
    ['a report without a number', JSON.stringify({ vulnerabilities: {} })],
  ])('is no answer: %s', (_, text) => {
    expect(readAudit(text)).toMatchObject({ outcome: 'unanswered', why: expect.stringMatching(/./) });
  });
});
