/** What one client and one server say to each other where DNS was to be expected, and is not. */
import type { Endpoint } from '../../../src/model/endpoint.ts';
import type { ClockStep, Micros } from '../../../src/model/time.ts';
import type { NotDns } from '../../../src/sensor/analysis/analyzer.ts';
import { networkOf } from '../asker.ts';
import { RollingBytes } from './rolling-bytes.ts';
import type { Span } from './spans.ts';

/** Packets of the client, at least: the middle of a stream that began before the capture is the server's as a rule. */
const MIN_FROM_CLIENT = 4;

export class NotDnsTally {
  client: Endpoint;
  server: Endpoint;
  network: string | undefined;
  transport: NotDns['transport'];
  first: Micros;
  last: Micros;
  packets = 0;
  bytesUp = 0;
  bytesDown = 0;
  isTold = false;
  #fromClient = 0;
  readonly #bytes = new RollingBytes();

  constructor(event: NotDns) {
    this.client = event.client;
    this.server = event.server;
    this.network = networkOf(event).network;
    this.transport = event.transport;
    this.first = event.time;
    this.last = event.time;
  }

  note({ time, client, server, network, transport, fromClient, bytes }: NotDns): void {
    this.client = client;
    this.server = server;
    if (network !== undefined) this.network = network.name;
    this.transport = transport;
    this.last = time;
    this.packets += 1;
    if (fromClient) this.#fromClient += 1;
    if (fromClient) this.bytesUp += bytes;
    else this.bytesDown += bytes;
    this.#bytes.add(time, bytes);
  }

  /** The finding of it was closed: what is told next begins now. */
  restart(now: Micros): void {
    this.first = now;
    this.packets = 0;
    this.bytesUp = 0;
    this.bytesDown = 0;
  }

  sum(span: Span, now: Micros): number {
    return this.#fromClient < MIN_FROM_CLIENT ? 0 : this.#bytes.sum(span, now);
  }

  clockSet(step: ClockStep): void {
    this.first += step.to - step.from;
    this.last += step.to - step.from;
    this.#bytes.clockSet(step);
  }
}
