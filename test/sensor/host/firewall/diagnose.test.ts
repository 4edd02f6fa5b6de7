import { describe, expect, it } from 'vitest';
import { diagnoseFirewall } from '../../../../src/sensor/host/firewall/diagnose.ts';
import type { FirewallReading } from '../../../../src/sensor/host/firewall/read.ts';
import { recordedNft, recordedSave } from './recorded.ts';

const told = (reading: Partial<FirewallReading>, isEnabled = true) =>
  diagnoseFirewall(isEnabled, {
    read: async () => ({ rulesets: [], unread: new Set(), problems: [], ...reading }),
  });

describe('what doctor says of the firewall', () => {
  it('which variant it reads, for which family', async () => {
    const rulesets = [recordedSave('engine-20.10-legacy.txt'), recordedNft()[1]!];

    expect(await told({ rulesets })).toEqual({
      check: 'firewall counters',
      outcome: 'ok',
      detail: 'iptables-legacy for ipv4, nftables for ipv6',
    });
  });

  it('why nothing is read, what is missed and what to do', async () => {
    const { outcome, detail, advice } = await told({ problems: ['must be root'] });

    expect(outcome).toBe('warn');
    expect(detail).toMatch(/^must be root; .*not told/);
    expect(advice).toContain('--network host');
  });

  it('what is read where a part is not', async () => {
    const { outcome, detail } = await told({ rulesets: recordedNft(), problems: ['timed out'] });

    expect(outcome).toBe('warn');
    expect(detail).toBe('nftables for ipv4, nftables for ipv6; not read: timed out');
  });

  it('nothing is tried where it is switched off', async () => {
    expect(await told({ problems: ['must be root'] }, false)).toMatchObject({ outcome: 'ok' });
  });
});
