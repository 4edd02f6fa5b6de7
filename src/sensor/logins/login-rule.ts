/**
 * What watches one protocol for a login in clear: a pure function from a state and the next payload to the next state.
 * A state is one byte a flow and never holds a byte that was sent; nothing here copies one.
 */
import type { CleartextLogin } from '../../model/login.ts';
import type { FirstBytes } from '../content/recognizer.ts';

/** Payload of one packet, borrowed for the call. */
export type Said = FirstBytes;

/** States with a meaning of their own; a rule's others are 1..250. */
export const STATE = {
  /** Nothing yet; also where a rule goes back to. */
  START: 0,
  /** A secret has just passed. */
  LOGIN: 255,
  /** The same, of the rule's second method. */
  OTHER_LOGIN: 254,
  /** None will come any more. */
  OVER: 253,
} as const;

export interface LoginRule {
  /** As the content of the flow tells it; telnet is told by its own bytes. */
  readonly service: string;
  readonly method: CleartextLogin['method'];
  readonly otherMethod?: CleartextLogin['method'];
  /** Packets with payload, of both sides, after which nobody logs in any more. At most 255. */
  readonly maxPackets: number;
  readonly next: (said: Said, state: number, fromClient: boolean) => number;
}
