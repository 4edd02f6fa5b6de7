/** A host with a web container behind a published port, and whoever the kernel says connects to it. */
import type { Endpoint } from '../../../src/model/endpoint.ts';
import type { NatFact } from '../../../src/model/nat.ts';
import type { Workload } from '../../../src/model/network.ts';
import type { SeenFlow } from '../../../src/sensor/flow-facts.ts';
import type { ConnectionNews } from '../../../src/sensor/host/conntrack/message.ts';
import type { EventSocket } from '../../../src/sensor/host/conntrack/watch.ts';
import { createNat, type Nat } from '../../../src/sensor/nat/nat.ts';
import type { PublishingContainer } from '../../../src/sensor/nat/published-ports.ts';
import { concat, control, encode, tuple, viewOf } from '../host/conntrack/messages.ts';

export const SECOND = 1_000_000;
export const T0 = 1_767_225_600 * SECOND;
export const HOST = '198.51.100.2';
export const GATEWAY = '172.31.0.1';
export const WEB = '172.31.0.2';
export const ASKER = '172.30.0.2';
export const NEIGHBOUR = '172.31.0.3';

export function workload(name: string, networkMode = 'bridge'): Workload {
  return { containerId: `${name}-id`, name, image: 'i', labels: {}, networkMode, networks: [] };
}

export const WEB_CONTAINER: PublishingContainer = {
  workload: workload('web'),
  published: [{ protocol: 'tcp', hostIp: '0.0.0.0', hostPort: 8080, containerPort: 80 }],
  endpoints: [{ ips: [WEB, 'fd31::2'] }],
};

const CONTAINERS: Readonly<Record<string, string>> = {
  [WEB]: 'web',
  'fd31::2': 'web',
  [ASKER]: 'asker',
  [NEIGHBOUR]: 'neighbour',
};

export function who(ip: string): Pick<Endpoint, 'scope' | 'workload' | 'names' | 'attribution'> {
  const name = CONTAINERS[ip];
  const certain = (method: Endpoint['attribution']['method']) => ({ method, confidence: 'certain' }) as const;
  if (name !== undefined) {
    return { scope: 'container', workload: workload(name), names: [], attribution: certain('ip@time') };
  }
  if (ip === GATEWAY) return { scope: 'gateway', names: [], attribution: certain('gateway') };
  if (ip === HOST) return { scope: 'host', names: [], attribution: certain('host-address') };
  return { scope: 'internet', names: [], attribution: certain('range') };
}

/** The kernel as a test plays it: each `tell` is one wakeup. */
export class World {
  readonly nat: Nat;
  readonly losses: unknown[] = [];
  readonly sent: Uint8Array[] = [];
  readonly told: (string | undefined)[] = [];
  containers: readonly PublishingContainer[] = [WEB_CONTAINER];
  now = T0;
  drops: number | undefined = 0;
  openings = 0;
  refusal: Error | undefined;
  #onBatch: Parameters<EventSocket['run']>[0] | undefined;
  #fail: (why: string) => void = () => {};

  constructor(options: { readonly refusal?: Error; readonly maxConnections?: number } = {}) {
    this.refusal = options.refusal;
    this.nat = createNat({
      names: { resolve: who },
      containers: () => this.containers,
      open: () => this.#open(),
      maxConnections: options.maxConnections ?? 1000,
      closedSecs: 300,
      emit: (record) => this.losses.push(record),
      log: {
        info: () => this.told.push(undefined),
        warn: (fields: unknown) => this.told.push((fields as { problem: string }).problem),
      } as never,
      now: () => this.now,
    });
    this.nat.watch.start();
  }

  /** Past the time within which a proxy may still dial for somebody who came before we listened. */
  settle(): this {
    this.answerList();
    this.now += 10 * SECOND;
    this.tell();
    return this;
  }

  tell(...events: readonly ConnectionNews[]): void {
    this.deliver(events.map(encode));
  }

  deliver(messages: readonly Uint8Array[], { drained = true, overruns = 0 } = {}): void {
    const bytes = concat(messages);
    const length = Uint32Array.of(bytes.length);
    const offset = Uint32Array.of(0);
    this.#onBatch?.({
      data: viewOf(bytes),
      count: messages.length > 0 ? 1 : 0,
      offset,
      length,
      drained,
      overruns,
    });
  }

  /** The end of the list that was asked for last. */
  answerList(...listed: readonly ConnectionNews[]): void {
    const sequence = viewOf(this.sent.at(-1)!).getUint32(8, true);
    this.deliver([...listed.map(encode), control(3, sequence)]);
  }

  refuseList(errno: number): void {
    this.deliver([control(2, viewOf(this.sent.at(-1)!).getUint32(8, true), errno)]);
  }

  async failSocket(why: string): Promise<void> {
    this.#fail(why);
    await Promise.resolve();
    await Promise.resolve();
  }

  /** `at`: seconds from now; a flow of one second. */
  unfold(text: string, { protocol = 'tcp', at = 0, lastsSecs = 1 } = {}): NatFact | undefined {
    const start = this.now + at * SECOND;
    const { src, srcPort, dst, dstPort } = tuple(text);
    const flow: SeenFlow = {
      protocol,
      orig: { ip: src, port: srcPort, ...who(src) },
      resp: { ip: dst, port: dstPort, ...who(dst) },
      network: undefined,
      start,
      end: start + lastsSecs * SECOND,
    };
    return this.nat.unfolder.unfold(flow);
  }

  #open(): EventSocket {
    this.openings++;
    if (this.refusal !== undefined) throw this.refusal;
    return {
      run: (onBatch) =>
        new Promise((resolve) => {
          this.#onBatch = onBatch;
          this.#fail = resolve;
        }),
      send: (message) => this.sent.push(message),
      drops: () => this.drops,
      close: () => {
        this.#onBatch = undefined;
      },
    };
  }
}
