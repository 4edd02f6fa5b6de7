/** A socket that waits to be spoken to, as the kernel lists it in a container's network namespace. */
import type { Endpoint } from './endpoint.ts';
import type { Micros } from './time.ts';

/**
 * A process in a container began or ceased to listen on a port: a TCP socket in state LISTEN, or a UDP socket that has
 * been there unconnected for half a minute, on no port of the range that the kernel gives to clients. Read from the
 * kernel's tables every few seconds, so one that lived shorter is not told.
 */
export interface ListenerRecord {
  readonly kind: 'listener';
  /** When it was noticed. */
  readonly time: Micros;
  /** `opened`: seen to come. `found`: there when the agent first looked. `closed`: gone, with its container or before. */
  readonly change: 'opened' | 'found' | 'closed';
  /** The container, with its own address of that family, and the port. */
  readonly subject: Endpoint;
  /** All that the container is on. */
  readonly networks: readonly {
    /** Name of the Docker network. */
    readonly name: string;
    /** `internal: true`: by design nothing leaves or enters. */
    readonly internal: boolean;
  }[];
  /** TCP or UDP; `address` tells the family. */
  readonly protocol: 'tcp' | 'udp';
  /** What it is bound to; `0.0.0.0` is any IPv4 address, `::` any, IPv4 as well unless the program said otherwise. */
  readonly address: string;
  /** Bound to loopback: only the container itself, and who shares its network namespace, can reach it. */
  readonly loopback: boolean;
  /** Not open before: the reading before the first that had it, or the container's start; absent when neither is known. */
  readonly after?: Micros | undefined;
  /** The first reading that had it. */
  readonly first: Micros;
  /** EXPOSE of the image, or `expose` of the container, names the port; absent when the engine did not tell. */
  readonly exposed?: boolean | undefined;
  /** A port of the host leads to it. */
  readonly published: boolean;
  /** What the kernel calls the process that holds it (`comm`); absent when it was not found. */
  readonly process?: string | undefined;
  /** Its executable, as a path in the container; with ` (deleted)` when the file is gone; absent when it cannot be read. */
  readonly program?: string | undefined;
}
