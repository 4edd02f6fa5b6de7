/** What a tap on the loopback of a container's namespace sees, and the tap itself. */
import type { DnsAsker, Tap } from '../../../src/sensor/taps/tap.ts';
import { LINKTYPE } from '../../support/packet-builder.ts';
import { datagram, IP, type PipelineRun } from '../pipeline-run.ts';

export type Lo = Omit<Tap, 'decoder' | 'index'>;

const ADDRESSES: Readonly<Record<string, string>> = { db: IP.db, api: IP.api, web: IP.web };

/** The container as the inventory has it, with the networks it is on. */
export function asker(container: string, { state }: PipelineRun): DnsAsker {
  const [holder] = state.book.byIp(ADDRESSES[container]!);
  const { workload } = holder!.holder;
  return {
    client: {
      scope: 'container',
      workload,
      names: [],
      attribution: { method: 'netns', confidence: 'certain' },
    },
    networks: state
      .networks()
      .filter(({ name }) => workload.networks.includes(name) || (container === 'db' && name === 'data'))
      .map(({ name, internal }) => ({ name, internal })),
  };
}

export function lo(container: string, run: PipelineRun): Lo {
  return {
    interface: 'lo',
    linkType: LINKTYPE.ETHERNET,
    vantage: 'container',
    asker: () => asker(container, run),
  };
}

/** To the port that dockerd really listens on: the translation comes before the tap. */
export function toResolver(payload: Uint8Array, sport: number, dport = 33_333): Uint8Array {
  return datagram({ src: '127.0.0.1', dst: '127.0.0.11', sport, dport }, payload);
}

export function toClient(payload: Uint8Array, dport: number): Uint8Array {
  return datagram({ src: '127.0.0.11', dst: '127.0.0.1', sport: 53, dport }, payload);
}
