import { describe, expect, it } from 'vitest';
import { isTagValid, TECHNIQUES } from '../../../src/sensor/findings/attack.ts';

/** The tactics of ATT&CK Enterprise, by short name. */
const TACTICS = new Set([
  'reconnaissance',
  'resource-development',
  'initial-access',
  'execution',
  'persistence',
  'privilege-escalation',
  'defense-evasion',
  'credential-access',
  'discovery',
  'lateral-movement',
  'collection',
  'command-and-control',
  'exfiltration',
  'impact',
]);

describe('ATT&CK table', () => {
  it.each(Object.entries(TECHNIQUES))('%s is well formed', (id, { name, tactics }) => {
    expect(id).toMatch(/^T\d{4}(\.\d{3})?$/);
    expect(name).not.toBe('');
    expect(tactics.length).toBeGreaterThan(0);
    expect(tactics.filter((tactic) => !TACTICS.has(tactic))).toEqual([]);
  });

  it('accepts a technique with its tactic, and neither another tactic nor an unknown technique', () => {
    expect(isTagValid('T1048', 'exfiltration')).toBe(true);
    expect(isTagValid('T1048', 'impact')).toBe(false);
    expect(isTagValid('T9999', 'exfiltration')).toBe(false);
  });
});
