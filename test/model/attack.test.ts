import { describe, expect, it } from 'vitest';
import { isTagValid, namedTag, TECHNIQUES } from '../../src/model/attack.ts';

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

describe('namedTag', () => {
  it('tells a technique from its sub-technique, each with id and name', () => {
    expect(namedTag('T1071.004', 'command-and-control')).toEqual({
      tacticId: 'TA0011',
      tacticName: 'Command and Control',
      techniqueId: 'T1071',
      techniqueName: 'Application Layer Protocol',
      subtechnique: { id: 'T1071.004', name: 'DNS' },
    });
    expect(namedTag('T1048', 'exfiltration')).toMatchObject({
      tacticId: 'TA0010',
      techniqueName: 'Exfiltration Over Alternative Protocol',
      subtechnique: undefined,
    });
  });

  it('knows the id of every tactic that the table uses', () => {
    for (const [technique, { tactics }] of Object.entries(TECHNIQUES))
      for (const tactic of tactics)
        expect(namedTag(technique, tactic).tacticId, tactic).toMatch(/^TA00\d\d$/);
  });

  it('leaves out the names of what it does not know', () => {
    expect(namedTag('T9999.001', 'invention')).toEqual({
      tacticId: undefined,
      tacticName: 'Invention',
      techniqueId: 'T9999',
      techniqueName: undefined,
      subtechnique: { id: 'T9999.001', name: undefined },
    });
  });
});
