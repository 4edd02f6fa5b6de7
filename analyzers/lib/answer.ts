/** What came back on a flow, as far as its records tell: nothing, a refusal, a handshake, or data. */
import type { FlowRecord } from '../../src/model/flow.ts';

/** `connected`: a service is there and has said nothing yet. */
export type Answer = 'none' | 'refused' | 'connected' | 'data';

/** A reset alone may be a firewall's (REJECT tcp-reset), so it proves nothing about the responder. */
export function answerTo({ protocol, respPackets, history }: FlowRecord): Answer {
  if (respPackets === 0) return 'none';
  if (protocol !== 'tcp' || history.includes('d')) return 'data';
  return /[a-qs-z]/.test(history) ? 'connected' : 'refused';
}
