/**
 * Docker's userland proxy takes a connection to a published port and opens one of its own to the container, from the
 * gateway's address. The kernel knows both and not that they belong together; their order tells: the proxy dials right
 * after the client's handshake. One client waiting for its dial is certain, several are all candidates, and a
 * dial that nobody waited for is the host's own. It never guesses.
 */
import { MICROS_PER_SECOND, type Micros } from '../../model/time.ts';
import type { Connection } from '../host/conntrack/connection.ts';
import type { TableListener } from '../host/conntrack/table.ts';
import type { Publication, PublishedPorts } from './published-ports.ts';

export type ProxyJoin =
  /** The connection to the container, and who may be behind it. */
  | { readonly side: 'dial'; readonly publication: Publication; readonly clients: Clients }
  /** The client's connection to the host; `dial` once it is certain which one was for it. */
  | { readonly side: 'client'; readonly publication: Publication; readonly dial?: Connection };

export type Clients =
  | { readonly known: 'one'; readonly client: Connection }
  /** `orHost`: or it was a program of the host itself. */
  | { readonly known: 'several'; readonly clients: readonly Connection[]; readonly orHost: boolean }
  /** No client waited: a program of the host itself. */
  | { readonly known: 'host' }
  | { readonly known: 'nobody'; readonly reason: string };

export interface ProxyJoinsOptions {
  readonly ports: PublishedPorts;
  /** Whether an address is this machine's own, its gateways included. */
  readonly isLocal: (ip: string, time: Micros) => boolean;
  /** Whether every event between these times was heard. */
  readonly heardAll: (from: Micros, to: Micros) => boolean;
}

/** The proxy dials within a millisecond of the handshake, measured; a busy machine may take far longer. */
const DIAL_WITHIN_MICROS = 5 * MICROS_PER_SECOND;
/**
 * A dial that nobody waited for, this soon after one that somebody did: which of the two was the client's? A program of
 * the host may have come between his handshake and the proxy's dial.
 */
const STOLEN_WITHIN_MICROS = MICROS_PER_SECOND / 2;
const MAX_WAITING = 256;
const MAX_UNPLACED = 2048;

interface Waiting {
  readonly client: Connection;
  readonly since: Micros;
}

interface Door {
  waiting: Waiting[];
  /** More clients waited than are kept: those who are known are not all. */
  crowdedAt: Micros;
  /** Dials so far for those who wait, or for those who waited last. */
  dials: Connection[];
  /** Who waited last: each of them has got a dial. */
  served: { readonly clients: readonly Connection[]; readonly at: Micros } | undefined;
}

export class ProxyJoins implements TableListener {
  readonly #options: ProxyJoinsOptions;
  readonly #doors = new Map<Publication, Door>();
  /** As long as the table keeps the connection. */
  readonly #joins = new WeakMap<Connection, ProxyJoin>();
  /** Connections that led to nothing published, in their order: the engine tells of a port a moment late. */
  #unplaced: { readonly connection: Connection; readonly established: boolean; readonly at: Micros }[] = [];
  #portsVersion = 0;

  constructor(options: ProxyJoinsOptions) {
    this.#options = options;
  }

  joinOf(connection: Connection): ProxyJoin | undefined {
    this.#placeLate();
    return this.#joins.get(connection);
  }

  onPlain(connection: Connection): void {
    this.#placeLate();
    const { established, heardAt } = connection;
    if (this.#place(connection, established, heardAt)) return;
    if (this.#unplaced.length >= MAX_UNPLACED) this.#unplaced = this.#unplaced.slice(MAX_UNPLACED / 2);
    this.#unplaced.push({ connection, established, at: heardAt });
  }

  /** Something was published meanwhile: what came before, in its order, may have been for it. */
  #placeLate(): void {
    const { version } = this.#options.ports;
    if (version === this.#portsVersion) return;
    this.#portsVersion = version;
    this.#unplaced = this.#unplaced.filter(
      ({ connection, established, at }) => !this.#place(connection, established, at),
    );
  }

  #place(connection: Connection, established: boolean, at: Micros): boolean {
    const { ports, isLocal } = this.#options;
    const { src, dst, dstPort, protocol: number } = connection.orig;
    const protocol = PROTOCOLS.get(number);
    if (protocol === undefined) return true;
    const dialed = ports.dialed(protocol, dst, dstPort);
    if (dialed !== undefined) {
      // A container that asks another by its address needs no proxy; and a dial counts when it begins.
      if (!this.#joins.has(connection) && isLocal(src, at)) this.#dial(dialed, connection, at);
      return true;
    }
    const publication = ports.asked(protocol, dst, dstPort);
    if (publication === undefined) return false;
    if (established && !this.#joins.has(connection) && isLocal(dst, at)) {
      this.#joins.set(connection, { side: 'client', publication });
      if (!connection.listed) this.#wait(publication, connection, at);
    }
    return true;
  }

  #wait(publication: Publication, client: Connection, at: Micros): void {
    const door = this.#doorOf(publication, at);
    if (door.waiting.length >= MAX_WAITING) {
      door.waiting.shift();
      door.crowdedAt = at;
    }
    door.waiting.push({ client, since: at });
  }

  #dial(publication: Publication, dial: Connection, at: Micros): void {
    const clients = this.#clientsOf(publication, dial, at);
    this.#joins.set(dial, { side: 'dial', publication, clients });
  }

  #clientsOf(publication: Publication, dial: Connection, at: Micros): Clients {
    if (dial.listed) return { known: 'nobody', reason: 'it was open before the agent looked' };
    const door = this.#doorOf(publication, at);
    const since = at - DIAL_WITHIN_MICROS;
    const heardAll = this.#options.heardAll(since, at) && door.crowdedAt < since;
    if (door.waiting.length === 0) return this.#unawaited(publication, door, dial, at, heardAll);

    // One dial for each who waits; for whom it is, only one that waits alone tells.
    if (door.served !== undefined) door.dials = [];
    door.served = undefined;
    door.dials.push(dial);
    const clients = door.waiting.map((each) => each.client);
    if (door.dials.length >= clients.length) {
      door.waiting = [];
      door.served = { clients, at };
    }
    if (clients.length === 1 && heardAll) {
      this.#joins.set(clients[0]!, { side: 'client', publication, dial });
      return { known: 'one', client: clients[0]! };
    }
    return { known: 'several', clients, orHost: !heardAll };
  }

  /** The host's own, unless it came so soon after others that one of those may have been. */
  #unawaited(publication: Publication, door: Door, dial: Connection, at: Micros, heardAll: boolean): Clients {
    if (!heardAll) return { known: 'nobody', reason: 'not all that the kernel told was heard' };
    if (door.served === undefined || at - door.served.at > STOLEN_WITHIN_MICROS) return { known: 'host' };
    const clients: Clients = { known: 'several', clients: door.served.clients, orHost: true };
    for (const other of door.dials) this.#joins.set(other, { side: 'dial', publication, clients });
    for (const client of door.served.clients) this.#joins.set(client, { side: 'client', publication });
    if (door.dials.length < MAX_WAITING) door.dials.push(dial);
    return clients;
  }

  #doorOf(publication: Publication, now: Micros): Door {
    let door = this.#doors.get(publication);
    if (door === undefined) {
      this.#forgetDoors(now);
      door = { waiting: [], crowdedAt: Number.NEGATIVE_INFINITY, dials: [], served: undefined };
      this.#doors.set(publication, door);
    }
    // Whoever is not dialled for by now never will be.
    door.waiting = door.waiting.filter((each) => now - each.since <= DIAL_WITHIN_MICROS);
    if (door.waiting.length === 0 && door.served === undefined) door.dials = [];
    return door;
  }

  /** As many doors as ports that are in use, and not more. */
  #forgetDoors(now: Micros): void {
    for (const [publication, { waiting, served }] of this.#doors) {
      const idle = waiting.every(({ since }) => now - since > DIAL_WITHIN_MICROS);
      if (idle && (served === undefined || now - served.at > STOLEN_WITHIN_MICROS)) {
        this.#doors.delete(publication);
      }
    }
  }
}

/** What Docker publishes. */
const PROTOCOLS: ReadonlyMap<number, string> = new Map([
  [6, 'tcp'],
  [17, 'udp'],
  [132, 'sctp'],
]);
