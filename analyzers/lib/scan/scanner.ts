/** Who scans, and how grave that is: a container has no business scanning, the internet does nothing else all day. */
import type { Endpoint } from '../../../src/model/endpoint.ts';
import type { Confidence, Severity } from '../../../src/model/finding.ts';
import type { FlowRecord } from '../../../src/model/flow.ts';
import type { Network } from '../../../src/model/network.ts';
import { isItself } from '../asker.ts';

/** Who opened the flow before any translation: a scan through a published port comes from its client. */
export function scannerOf({ orig, nat }: FlowRecord): Endpoint {
  return nat?.client ?? orig;
}

/** One finding a scanner, on whatever network and by whichever of its addresses it was seen. */
export function scannerKey(scanner: Endpoint, network: Network | undefined): string {
  if (scanner.workload !== undefined && isItself(scanner)) return scanner.workload.containerId;
  return scanner.scope === 'internet' ? scanner.ip : `${network?.id ?? ''}/${scanner.ip}`;
}

/** Argued in docs/analyzers/port-scan.md. */
export function severityOf(scanner: Endpoint): Severity {
  if (scanner.scope === 'internet') return 'low';
  return scanner.workload !== undefined && isItself(scanner) ? 'high' : 'medium';
}

/** Whose address it is may be in doubt, and behind the gateway's may stand anybody. */
export function confidenceOf(scanner: Endpoint, isSlow: boolean): Confidence {
  if (scanner.scope === 'gateway' || scanner.attribution.confidence === 'ambiguous') return 'low';
  return isSlow ? 'medium' : 'high';
}

/**
 * Sequential test of Jung, Paxson, Berger and Balakrishnan 2004 with their parameters: each answered first contact divides
 * the odds by four, each failed one multiplies them; a scanner from 99 to 1, so at four more failures than answers.
 */
export const ODDS_FOR_SCANNER = 99;

export function oddsOf(failed: number, answered: number): number {
  // Beyond a million nobody reads on.
  return 4 ** Math.min(failed - answered, 10);
}

export function isScanByOdds(failed: number, answered: number): boolean {
  return oddsOf(failed, answered) >= ODDS_FOR_SCANNER;
}
