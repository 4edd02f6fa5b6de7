/** What came of a flow's first packet: the question that scans are told by. */
import type { FlowRecord } from './flow.ts';

/**
 * `unanswered`: nothing came back (yet). `refused`: a reset, or a SYN-ACK whose window is closed and stays so, which is
 * how a trap holds scanners. `accepted`: the other side spoke. `probe`: see FlowRecord.probe.
 */
export type Opening = 'unanswered' | 'refused' | 'accepted' | 'probe';

const ECHO_REQUEST: Readonly<Record<string, number>> = { icmp: 8, icmp6: 128 };

/** Undefined where the opening was not seen, and for protocols and messages that nobody answers by nature. */
export function openingOf(
  flow: Pick<FlowRecord, 'protocol' | 'history' | 'respPackets' | 'coverage' | 'icmp' | 'probe'>,
): Opening | undefined {
  const isAnswered = flow.respPackets > 0;
  if (flow.protocol === 'tcp') return tcpOpening(flow, isAnswered);
  if (flow.protocol !== 'udp' && flow.icmp?.type !== ECHO_REQUEST[flow.protocol]) return undefined;
  if (flow.protocol !== 'udp' && flow.icmp === undefined) return undefined;
  return isAnswered ? 'accepted' : 'unanswered';
}

function tcpOpening(
  { history, coverage, probe }: Pick<FlowRecord, 'history' | 'coverage' | 'probe'>,
  isAnswered: boolean,
): Opening | undefined {
  if (probe !== undefined) return 'probe';
  if (coverage === 'started-midstream' || !history.startsWith('S')) return undefined;
  if (!history.includes('h')) {
    if (history.includes('r')) return 'refused';
    return isAnswered ? 'accepted' : 'unanswered';
  }
  return history.includes('w') && !/d/i.test(history) ? 'refused' : 'accepted';
}
