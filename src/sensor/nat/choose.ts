/** Which of the connections with a flow's addresses and ports was this flow: by time, and never by luck. */
import { MICROS_PER_SECOND, type Micros } from '../../model/time.ts';
import type { Connection, Span } from '../host/conntrack/connection.ts';

/** A packet is stamped at the bridge, before or after the kernel tracks it: some 10 us, on a busy machine more. */
const SKEW_MICROS = MICROS_PER_SECOND / 20;

/** Those that it may have been; one when the time decides. */
export function plausible(
  connections: readonly Connection[],
  start: Micros,
  end: Micros,
): readonly Connection[] {
  if (connections.length === 0) return connections;
  const opened = connections.filter((each) => !each.listed && within(start, each.opened));
  if (opened.length > 0) return opened;
  const alive = connections.filter((each) => livedAt(each, start));
  if (alive.length > 0) return alive;
  return connections.filter(
    (each) => livedAt(each, end) || (each.opened.from > start && each.opened.to < end),
  );
}

function within(time: Micros, span: Span): boolean {
  return time >= span.from - SKEW_MICROS && time <= span.to + SKEW_MICROS;
}

function livedAt({ opened, closed }: Connection, time: Micros): boolean {
  return time >= opened.from - SKEW_MICROS && (closed === undefined || time <= closed.to + SKEW_MICROS);
}
