/** Gateway modes of bridge networks since engine 27, a mode for each family. */
import type { NetworkFacts } from '../../docker/engine-facts.ts';

const KEYS = {
  ipv4: 'com.docker.network.bridge.gateway_mode_ipv4',
  ipv6: 'com.docker.network.bridge.gateway_mode_ipv6',
} as const;

export interface GatewayMode {
  readonly key: string;
  readonly mode: string;
}

type Options = Pick<NetworkFacts, 'options'>;

/** Those that leave the containers' own addresses open. */
export function openGatewayModes({ options }: Options): GatewayMode[] {
  return Object.values(KEYS).flatMap((key) => {
    const mode = options[key];
    return mode === 'routed' || mode === 'nat-unprotected' ? [{ key, mode }] : [];
  });
}

/** Whether the host has an address on the bridge: not with `isolated` (engine 28, internal networks), nor where it is inhibited. */
export function hasGateway(
  { options, driver }: Options & Pick<NetworkFacts, 'driver'>,
  family: 'ipv4' | 'ipv6',
): boolean {
  if (driver !== 'bridge' || options[KEYS[family]] === 'isolated') return false;
  return family === 'ipv6' || options['com.docker.network.bridge.inhibit_ipv4'] !== 'true';
}
