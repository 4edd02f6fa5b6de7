/** Talks for checks that read what flows tell; each takes what the test is about. */
import type { Talk } from '../../../src/model/traffic-history.ts';
import { T0 } from './support.ts';

/** Somebody of the Internet came to port 80 of `web` on `front`, and was answered. */
export function talk(fields: Partial<Talk> = {}): Talk {
  return {
    ...{ network: 'front', direction: 'ingress', protocol: 'tcp', respPort: 80 },
    orig: { scope: 'internet', ip: '198.51.100.7' },
    resp: { scope: 'container', service: 'web' },
    ...{ flows: 3, answered: 3, bytes: 2048, first: T0, last: T0 + 1_000_000 },
    ...fields,
  };
}

export const LAN = { scope: 'lan', ip: '10.0.0.5' };

/** Two members of a network. */
export function eastWest(network: string, orig: string, resp: string): Talk {
  const end = (service: string) => ({ scope: 'container', service });
  return talk({ network, direction: 'east-west', orig: end(orig), resp: end(resp) });
}
