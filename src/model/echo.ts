import type { FlowRecord } from './flow.ts';
import type { Micros } from './time.ts';

/**
 * What the echo messages (RFC 792, RFC 4443) of one flow have been so far. RFC 792 says that a reply returns the data of
 * its request, so that what differs is somebody's own data. Told at the first oddity, then at most once a second
 * while messages come.
 */
export interface EchoTally {
  /** Packet time of the latest message. */
  readonly time: Micros;
  readonly flow: FlowRecord;
  /** Messages from orig that ask. */
  readonly requests: number;
  readonly replies: number;
  /** Replies whose data is not that of the request with their identifier and sequence number. */
  readonly alteredReplies: number;
  /** Replies that no request of the last seconds asked for, repeated ones included. */
  readonly unaskedReplies: number;
  /** Requests with a payload that neither ping(8) of iputils, busybox or BSD nor Windows sends, and that is not constant. */
  readonly oddPayloads: number;
  /** Bytes of payload in those requests, and in altered or unasked replies. */
  readonly oddBytes: number;
  /** Distinct payload lengths, counted to 16. */
  readonly payloadSizes: number;
  /** Requests that repeat the sequence number of the one before. */
  readonly repeatedSequences: number;
  /** Of which tool a magic number in the payload is, where one is. */
  readonly tool?: 'ptunnel' | 'ptunnel-ng' | undefined;
}
