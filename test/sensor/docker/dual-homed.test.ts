import { describe, expect, it } from 'vitest';
import { parseIp } from '../../../src/model/ip.ts';
import { DockerDualHomed } from '../../../src/sensor/docker/dual-homed.ts';
import { InventoryState } from '../../../src/sensor/docker/inventory-state.ts';
import { containerFact, endpointFact, networkFact, T0 } from '../../support/inventory-facts.ts';
import { dockerMac } from '../../support/packet-builder.ts';
import { IP, inventory } from '../pipeline-run.ts';

const idOf = (state: InventoryState, name: string) => state.networks().find((one) => one.name === name)!.id;

function join(state: InventoryState, name: string, network: string, ip: string): void {
  state.connected(endpointFact(name, network, [ip], dockerMac(ip)), T0, containerFact(name));
}

describe('dual-homed containers', () => {
  it('are known by each of their addresses, on its own network only', () => {
    const state = inventory();
    const dualHomed = new DockerDualHomed(state);
    const [data, front] = [idOf(state, 'data'), idOf(state, 'front')];

    expect(dualHomed.isAny).toBe(true);
    const id = dualHomed.holderOf(data, parseIp(IP.api)!);
    expect(id).toBeDefined();
    expect(dualHomed.holderOf(front, parseIp(IP.apiFront)!)).toBe(id);
    expect(dualHomed.holderOf(front, parseIp(IP.api)!)).toBeUndefined();
    expect(dualHomed.holderOf(data, parseIp(IP.db)!)).toBeUndefined();
    expect(dualHomed.holderOf(front, parseIp(IP.web)!)).toBeUndefined();
  });

  it('are none where a container has internal networks only', () => {
    const state = new InventoryState();
    for (const name of ['a', 'b']) state.networkSeen(networkFact({ name, internal: true }), T0);
    join(state, 'x', 'a', '172.30.1.2');
    join(state, 'x', 'b', '172.30.2.2');

    expect(new DockerDualHomed(state).isAny).toBe(false);
  });

  it('have a new version when one comes or goes, and not when something else changes', () => {
    const state = inventory();
    const dualHomed = new DockerDualHomed(state);
    const before = dualHomed.version;
    join(state, 'lone', 'front', '172.30.10.77');

    expect(dualHomed.version).toBe(before);

    join(state, 'web', 'data', '172.30.20.78');

    expect(dualHomed.version).toBeGreaterThan(before);
    expect(dualHomed.holderOf(idOf(state, 'data'), parseIp('172.30.20.78')!)).toBeDefined();
  });
});
