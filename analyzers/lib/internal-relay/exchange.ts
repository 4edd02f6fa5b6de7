/**
 * One burst from the point of view of the relay: what went out through it and what came in. The same for the flow inside
 * the internal network and for the one outside, so that they can be compared.
 */
import type { FlowBurst } from '../../../src/model/burst.ts';
import type { FlowRecord } from '../../../src/model/flow.ts';
import type { Micros } from '../../../src/model/time.ts';

export interface Exchange {
  /** First data. */
  time: Micros;
  /** First packet of the flow, where this is its first data. */
  openedAt: Micros | undefined;
  /** Who is inside spoke first: the member to the relay, or the relay to the outside. */
  readonly isFromInside: boolean;
  /** From inside to outside. */
  readonly outBytes: number;
  readonly inBytes: number;
  /** It is the later part of a burst, and began when the first part says. */
  readonly isLater: boolean;
  readonly flow: FlowRecord;
}

/** Less says nothing. */
const LEAST_BYTES = 16;

/** Undefined where too little was said. */
export function exchangeOf(burst: FlowBurst): Exchange | undefined {
  const { flow, time, isOpening, isContainerOrig, isInternal, isOrigFirst, origBytes, respBytes } = burst;
  if (origBytes + respBytes < LEAST_BYTES) return undefined;
  // Outside the container is always the originator.
  const isOrigInside = !isInternal || !isContainerOrig;
  return {
    time,
    openedAt: isOpening ? flow.start : undefined,
    isFromInside: isOrigFirst === isOrigInside,
    outBytes: isOrigInside ? origBytes : respBytes,
    inBytes: isOrigInside ? respBytes : origBytes,
    isLater: burst.stretch > 0,
    flow,
  };
}
