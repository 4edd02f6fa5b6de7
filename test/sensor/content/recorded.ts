/**
 * The first payloads of real programs, recorded on the loopback of a network namespace with tcpdump and taken out
 * with `tshark -Y tcp.len>0 -T fields -e tcp.stream -e tcp.payload`: Debian 12's own servers and clients, on ports
 * that are nobody's. Certificates and names were made for it.
 */
import { readFileSync } from 'node:fs';
import { hex } from '../../support/packet-builder.ts';
import type { Side } from './conversation.ts';
import type { Conversation } from './written.ts';

interface Recorded {
  readonly program: string;
  readonly service: string;
  readonly serverName?: string;
  readonly serverNameFrom?: string;
  /** `client <hex>` or `server <hex>`. */
  readonly says: readonly string[];
}

const file = readFileSync(new URL('recorded.json', import.meta.url), 'utf8');

export const RECORDED: readonly Conversation[] = (JSON.parse(file) as readonly Recorded[]).map(
  ({ program, says, ...known }) => ({
    ...known,
    name: program,
    transport: 'tcp',
    says: says.map((line) => {
      const [side, payload] = line.split(' ');
      return [side as Side, hex(payload!)];
    }),
  }),
);
