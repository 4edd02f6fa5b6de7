/** Attempts to open flows, as the events that the agent sees of them. */
import type { Endpoint } from '../../src/model/endpoint.ts';
import type { FlowRecord } from '../../src/model/flow.ts';
import type { Micros } from '../../src/model/time.ts';
import type { AnalyzerEvent } from '../../src/sensor/analysis/tester.ts';
import { answered, flow } from './records.ts';

const SECOND = 1_000_000;

export interface Attempt extends Partial<FlowRecord> {
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly at: Micros;
}

let nextPort = 0;

/** Which protocol, and a client's port that was not used before. */
function opening({ from, to, at, ...fields }: Attempt): FlowRecord {
  nextPort = (nextPort + 1) % 20_000;
  const isPortless = to.port === undefined;
  return flow({
    orig: isPortless ? from : { ...from, port: 40_000 + nextPort },
    resp: to,
    start: at,
    ...fields,
  });
}

/** A SYN and its reset. */
export function refused(attempt: Attempt): AnalyzerEvent[] {
  const start = opening(attempt);
  const reset = answered(start, attempt.at + 200, { connState: 'REJ', history: 'Sr' });
  return [
    { on: 'flow-start', flow: start },
    { on: 'flow-answered', flow: reset },
    { on: 'flow-end', flow: { ...reset, reason: 'closed' } },
  ];
}

/** Nothing comes back; the flow table gives it up later. Merge the two lists by time. */
export function silentAttempt(attempt: Attempt, endsAfterSecs = 20): AnalyzerEvent[] {
  const start = opening(attempt);
  return [
    { on: 'flow-start', flow: start },
    { on: 'flow-end', flow: { ...start, end: attempt.at, reason: 'idle' } },
    { on: 'tick', now: attempt.at + endsAfterSecs * SECOND },
  ];
}

/** A connection that works. */
export function served(attempt: Attempt): AnalyzerEvent[] {
  const start = opening(attempt);
  const both = answered(start, attempt.at + 300);
  const history = start.protocol === 'tcp' ? 'ShADadFf' : both.history;
  return [
    { on: 'flow-start', flow: start },
    { on: 'flow-answered', flow: both },
    { on: 'flow-end', flow: { ...both, history, connState: 'SF', reason: 'closed' } },
  ];
}

/** Only the first packet of each, one after the other, then time passes. */
export function begun(attempts: readonly Attempt[], thenSecs = 4): AnalyzerEvent[] {
  const last = attempts.at(-1)!.at;
  return [
    ...attempts.map((attempt): AnalyzerEvent => ({ on: 'flow-start', flow: opening(attempt) })),
    { on: 'tick', now: last + thenSecs * SECOND },
  ];
}
