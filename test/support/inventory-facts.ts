/** Facts as an engine tells them, shortened to what a test is about. */

import type { Network } from '../../src/model/network.ts';
import type { EngineContainer, EngineEndpoint, EngineNetwork } from '../../src/sensor/docker/engine-json.ts';

export const SECOND = 1_000_000;
/** 2026-01-01T00:00:00Z, so that differences stay readable. */
export const T0 = 1_767_225_600 * SECOND;

export function networkFact(network: Partial<Network> & Pick<Network, 'name'>): EngineNetwork {
  return {
    network: {
      id: `${network.name}-id`,
      driver: 'bridge',
      scope: 'local',
      internal: false,
      bridge: `br-${network.name}`,
      subnets: [],
      gateways: [],
      options: {},
      labels: {},
      ...network,
    },
    endpoints: [],
  };
}

export function endpointFact(
  containerName: string,
  networkName: string,
  ips: readonly string[],
  mac?: string,
  more: Partial<EngineEndpoint> = {},
): EngineEndpoint {
  return {
    networkId: `${networkName}-id`,
    networkName,
    containerId: `${containerName}-id`,
    containerName,
    ips,
    ...(mac === undefined ? {} : { mac }),
    gateways: [],
    ...more,
  };
}

export function containerFact(name: string, more: Partial<EngineContainer> = {}): EngineContainer {
  return { id: `${name}-id`, name, image: 'image', labels: {}, networkMode: 'net', endpoints: [], ...more };
}
