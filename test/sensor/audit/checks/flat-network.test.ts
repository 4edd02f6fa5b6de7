import { describe, expect, it } from 'vitest';
import check from '../../../../src/sensor/audit/checks/flat-network.ts';
import { type container, network, outcomes, service } from '../support.ts';

const services = (count: number, project = () => 'shop') =>
  Array.from({ length: count }, (_, i) => service(project(), `s${i}`, { networks: ['back'] }));
const on = (containers: ReturnType<typeof container>[]) =>
  outcomes(check, { networks: [network('back')], containers });

describe('flat-network', () => {
  it('bears five services of one project, and not six', () => {
    expect(on(services(5))).toEqual(['pass back']);
    expect(on(services(6))).toEqual(['fail low back']);
  });

  it('counts services, not replicas', () => {
    const replicas = Array.from({ length: 9 }, (_, i) =>
      service('shop', 'web', { id: `r${i}`, networks: ['back'] }),
    );

    expect(on(replicas)).toEqual(['pass back']);
  });

  it('bears two projects on one network, and not three', () => {
    let next = 0;
    expect(on(services(2, () => `p${next++}`))).toEqual(['pass back']);
    expect(on(services(3, () => `p${next++}`))).toEqual(['fail medium back']);
  });

  it('is not applicable to networks without members', () => {
    expect(on([])).toEqual(['not-applicable']);
  });
});
