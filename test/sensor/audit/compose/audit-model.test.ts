/** The audit of Compose files: facts as an engine would tell them, and the checks that they are enough for. */
import { describe, expect, it } from 'vitest';
import { checks } from '../../../../src/sensor/audit/checks.ts';
import { auditModel, isAskedOfFiles } from '../../../../src/sensor/audit/compose/audit-model.ts';
import { factsOfModel } from '../../../../src/sensor/audit/compose/model-facts.ts';
import { load } from '../../../compose/support.ts';

const WRONG = `
services:
  db:
    image: postgres:17
    ports: ["5432:5432"]
    networks: [data, front]
  agent:
    image: portainer
    volumes: ["/var/run/docker.sock:/var/run/docker.sock"]
    privileged: true
    pid: host
    network_mode: host
    ports: ["9000:9000"]
  side: { image: busybox, network_mode: "service:db", cap_add: [NET_ADMIN] }
  old: { image: busybox, network_mode: bridge }
  idle: { image: busybox, privileged: true, scale: 0 }
networks:
  front: { driver_opts: { com.docker.network.bridge.enable-icc: "false" } }
  data: { internal: true }
`;
const RIGHT = `
services:
  web: { image: nginx, cap_drop: [ALL], ports: ["127.0.0.1:8080:80"], networks: [front] }
networks: { front: {} }
`;

function failures(text: string): string[] {
  return auditModel(load(text), checks)
    .results.filter(({ outcome }) => outcome === 'fail')
    .map(
      ({ check, severity, objects }) => `${severity} ${check} ${objects.map(({ name }) => name).join(',')}`,
    )
    .sort();
}

describe('an audit of Compose files', () => {
  it('finds what an audit of the host would find, once it is deployed', () => {
    expect(failures(WRONG)).toEqual(
      expect.arrayContaining([
        'high engine-socket-mounted shop/agent',
        'high host-pid shop/agent',
        'high privileged shop/agent',
        'high published-sensitive-port shop/db',
        'low default-bridge shop/old',
        'low internal-and-external shop/db',
        'low published-any-address shop/db',
        'medium data-tier-not-internal shop/db',
        'medium host-network shop/agent',
        'medium net-admin shop/side',
        'medium network-options shop_front',
        'medium shared-network-namespace shop/side',
      ]),
    );
    expect(failures(WRONG).join()).not.toMatch(/idle|default-bridge-icc|internal-ways-out/);
  });

  it('finds nothing in what is right', () => {
    expect(failures(RIGHT)).toEqual([]);
  });

  it('asks no check that needs an engine, and names them; nothing is unknown', () => {
    const { composed, results, engineVersion } = auditModel(load(RIGHT), checks);

    expect(composed!.notAsked).toEqual(checks.filter((check) => !isAskedOfFiles(check)).map(({ id }) => id));
    expect(composed!.notAsked).toEqual(
      expect.arrayContaining(['engine-tcp', 'firewall-forward', 'baseline-drift', 'compose-drift']),
    );
    expect(results.filter(({ outcome }) => outcome === 'unknown')).toEqual([]);
    expect(new Set(results.map(({ check }) => check)).size).toBe(checks.length - composed!.notAsked.length);
    expect(engineVersion).toBeUndefined();
  });

  it('says where each object is declared', () => {
    const { results } = auditModel(load(WRONG), checks);
    const at = (id: string) =>
      results.find(({ check, outcome }) => check === id && outcome === 'fail')!.objects[0]!.at;

    expect(at('privileged')).toEqual({ file: expect.stringMatching(/\/shop\/compose\.yaml$/), line: 7 });
    expect(at('network-options')!.line).toBe(18);
  });

  it('takes no external network for one that is not internal: it is not known', () => {
    const { results } = auditModel(
      load(
        'services: {db: {image: postgres, networks: [back, proxy]}}\nnetworks: {proxy: {external: true}, back: {internal: true}}',
      ),
      checks,
    );
    const of = (id: string) =>
      results
        .filter(({ check }) => check === id)
        .map(({ outcome, objects }) => `${outcome} ${objects.map(({ name }) => name)}`);

    expect(of('data-tier-not-internal')).toEqual(['unknown shop/db']);
    expect(of('internal-and-external')).toEqual(['unknown shop/db']);
    expect(of('network-options')).toEqual(['not-applicable ']);
  });

  it('gives an external network its place: what fails on nothing else is not lost', () => {
    const { scores, networks, results } = auditModel(
      load(
        'services: {a: {image: x, privileged: true, networks: [proxy]}}\nnetworks: {proxy: {external: true}}',
      ),
      checks,
    );

    expect(scores.find(({ network }) => network === 'proxy')).toMatchObject({ failed: 1 });
    expect(networks).toContain('proxy');
    expect(results.filter(({ outcome }) => outcome === 'unknown')).toEqual([]);
  });
});

describe('the facts of Compose files', () => {
  it('have ports in both families, unless an address was named or the network says where to', () => {
    const { containers } = factsOfModel(
      load(`
services:
  a: { image: x, ports: ["80:80", "127.0.0.1:81:81", "82"] }
  b: { image: x, ports: ["80:80"], networks: [bound] }
  c: { image: x, network_mode: host, ports: ["80:80"] }
networks: { bound: { driver_opts: { com.docker.network.bridge.host_binding_ipv4: 198.51.100.9 } } }
`),
    );

    expect(
      containers.map(({ published = [] }) =>
        published.map(({ hostIp, hostPort }) => `${hostIp} ${hostPort}`),
      ),
    ).toEqual([['0.0.0.0 80', ':: 80', '127.0.0.1 81', '0.0.0.0 0', ':: 0'], ['198.51.100.9 80'], []]);
  });

  it('have names, modes and networks as Compose asks the engine for them', () => {
    const { containers, networks } = factsOfModel(
      load(`
services:
  a: { build: ., networks: { x: { priority: 1 }, w: } }
  b: { image: i, container_name: bee, network_mode: "service:a", pid: "service:a" }
  c: { image: i, network_mode: none }
  d: { image: i, networks: [h] }
networks: { x: { name: plain }, w: , h: { external: true, name: host } }
`),
    );

    expect(
      containers.map(({ name, image, networkMode, networks: its }) => [name, image, networkMode, its]),
    ).toEqual([
      ['shop-a-1', 'shop-a', 'plain', ['plain', 'shop_w']],
      ['bee', 'i', 'container:compose:shop/a', []],
      ['shop-c-1', 'i', 'none', []],
      ['shop-d-1', 'i', 'host', []],
    ]);
    expect(containers[1]).toMatchObject({
      pidMode: 'container:compose:shop/a',
      label: 'shop/b',
      labels: { 'com.docker.compose.service': 'b' },
    });
    expect(networks.map(({ name, driver }) => `${name} ${driver}`)).toEqual([
      'host host',
      'plain bridge',
      'shop_w bridge',
    ]);
  });
});
