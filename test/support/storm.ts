/** Findings as fast as one likes, through the real life of a finding: an analyzer whose every report is of another key. */
import { z } from 'zod';
import type { Severity } from '../../src/model/finding.ts';
import { type AnalyzerDefinition, defineAnalyzer } from '../../src/sensor/analysis/analyzer.ts';
import { findingsConfig } from '../../src/sensor/findings/config.ts';
import { FindingManager, type FindingsOptions } from '../../src/sensor/findings/manager.ts';
import { address, container, flow, secs } from './records.ts';

const noisy = defineAnalyzer({
  id: 'internal-egress',
  title: 'Container on an internal network reaches outside it',
  attack: [{ technique: 'T1048', tactic: 'exfiltration' }],
  severity: 'medium',
  confidence: 'certain',
  maturity: 'stable',
  config: z.strictObject({}),
  evidence: z.object({ destinations: z.array(z.string()), packets: z.number() }),
  messages: { tried: '{subject} on {network} sent {packets} packets to {destinations}.' },
  create: () => ({}),
}) as AnalyzerDefinition;

export function stormOf(
  options: Pick<FindingsOptions, 'onFinding'>,
  config: Record<string, unknown> = {},
): { readonly manager: FindingManager; report(second: number, key: number, severity?: Severity): void } {
  const manager = new FindingManager({ config: findingsConfig.parse(config), onLoss: () => {}, ...options });
  const report = (second: number, key: number, severity?: Severity) => {
    const ip = `10.${(key >> 16) & 255}.${(key >> 8) & 255}.${key & 255}`;
    const resp = address('198.51.100.7', 'internet', { port: 443 });
    const subject = container(`c${key}`, ip);
    manager.report(noisy, {
      message: 'tried',
      time: secs(second),
      key: `out net ${ip}`,
      subject,
      peers: [resp],
      network: 'data',
      flows: [flow({ orig: subject, resp, uid: `F${key}`, communityId: `1:${key}` })],
      evidence: { destinations: ['198.51.100.7:443/tcp'], packets: second },
      ...(severity === undefined ? {} : { severity }),
    });
  };
  return { manager, report };
}
