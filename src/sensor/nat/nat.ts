/** Puts together what unfolds translated flows: the kernel's table, the published ports, the proxy's joins. */
import { workloadLabel } from '../../model/network.ts';
import type { LossRecord } from '../../model/record.ts';
import { type Micros, wallMicros } from '../../model/time.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { AddressNames, NatUnfolder } from '../flow-facts.ts';
import { ConnectionTable } from '../host/conntrack/table.ts';
import { ConntrackWatch, type EventSocket } from '../host/conntrack/watch.ts';
import { isLoopback } from './ends.ts';
import { ProxyJoins } from './proxy-joins.ts';
import { PortBook, type PublishedPorts, type PublishingContainer } from './published-ports.ts';
import { NatUnfold } from './unfold.ts';

export interface NatOptions {
  readonly names: AddressNames;
  /** Those that exist now. */
  readonly containers: () => readonly PublishingContainer[];
  readonly open: (groups: readonly number[]) => EventSocket;
  readonly maxConnections: number;
  readonly closedSecs: number;
  readonly emit: (record: LossRecord) => void;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  readonly now?: () => Micros;
}

export interface Nat {
  readonly unfolder: NatUnfolder;
  readonly watch: ConntrackWatch;
  /** A container came, went, or publishes something else. */
  inventoryChanged(): void;
}

export function createNat(options: NatOptions): Nat {
  const { names, containers, open, maxConnections, closedSecs, emit, log, now = wallMicros } = options;
  const book = new PortBook();
  let changed = true;
  let onHost: readonly string[] = [];
  // Read when somebody asks, so that a burst of changes costs one reading.
  const current = (): PortBook => {
    if (changed) {
      changed = false;
      const all = containers();
      book.update(all, now());
      onHost = all
        .filter(({ workload }) => workload.networkMode === 'host')
        .map(({ workload }) => workloadLabel(workload));
    }
    return book;
  };
  const ports: PublishedPorts = {
    get version() {
      return current().version;
    },
    dialed: (protocol, ip, port) => current().dialed(protocol, ip, port),
    asked: (protocol, ip, port) => current().asked(protocol, ip, port),
  };
  const isLocal = (ip: string, time: Micros): boolean => {
    if (isLoopback(ip)) return true;
    const { scope } = names.resolve(ip, undefined, undefined, time);
    return scope === 'gateway' || scope === 'host';
  };
  const heardAll = (from: Micros, to: Micros): boolean => table.heardAll(from, to);
  const joins = new ProxyJoins({ ports, isLocal, heardAll });
  const table: ConnectionTable = new ConnectionTable({ maxConnections, closedSecs }, joins);
  const onState = (problem: string | undefined): void => {
    if (problem === undefined) log.info({}, "the kernel's connection tracking is listened to");
    else
      log.warn({ problem }, 'translated flows keep what the bridge shows; where they come from is not known');
  };
  const watch = new ConntrackWatch({ table, open, emit, onState, now });
  return {
    unfolder: new NatUnfold({
      names,
      ports,
      joins,
      connections: table,
      onHost: () => {
        current();
        return onHost;
      },
      problem: () => watch.problem,
    }),
    watch,
    inventoryChanged() {
      changed = true;
    },
  };
}
