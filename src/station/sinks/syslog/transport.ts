/** How syslog messages travel. Rejects with a SinkError. */
export interface SyslogTransport {
  /** For messages: `tcp 198.51.100.4:514`. */
  readonly name: string;
  /** Says what it found, and leaves nothing behind. */
  check(signal: AbortSignal): Promise<string>;
  prepare(signal: AbortSignal): Promise<void>;
  /** `isDurable`: worth sending again when it may not have arrived. */
  send(messages: readonly Buffer[], isDurable: boolean, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

export interface Peer {
  readonly host: string;
  readonly port: number;
  readonly timeoutMs: number;
}

/** An address of IPv6 in brackets. */
export function peerName(transport: string, { host, port }: Peer): string {
  return `${transport} ${host.includes(':') ? `[${host}]` : host}:${port}`;
}
