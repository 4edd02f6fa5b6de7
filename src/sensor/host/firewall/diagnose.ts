/** Whether the counters of the engine's firewall rules can be read from here, and what is not seen when they cannot. */
import type { Diagnosis } from '../../../model/diagnosis.ts';
import { FirewallReader } from './read.ts';

const CHECK = 'firewall counters';
const CONSEQUENCE = 'bursts of packets that the firewall holds back are then not told (blocked-burst)';

export async function diagnoseFirewall(
  isEnabled: boolean,
  reader: Pick<FirewallReader, 'read'> = new FirewallReader(),
): Promise<Diagnosis> {
  if (!isEnabled) {
    const detail = `left out by the configuration (firewall.enabled); ${CONSEQUENCE}`;
    return { check: CHECK, outcome: 'ok', detail };
  }
  const { rulesets, problems } = await reader.read();
  const read = rulesets.map(({ family, backend }) => `${backend} for ${family}`).join(', ');
  if (problems.length === 0) return { check: CHECK, outcome: 'ok', detail: read };
  const missing = problems.join('; ');
  const detail = read === '' ? `${missing}; ${CONSEQUENCE}` : `${read}; not read: ${missing}`;
  const advice =
    'run the agent in the network namespace of the engine (--network host), as root, with iptables and nftables installed';
  return { check: CHECK, outcome: 'warn', detail, advice };
}
