/** An engine with one network and one container, whose names a test chooses: what a Docker API answers, no more. */
import type { RequestListener } from 'node:http';

export const CONTAINER_ID = 'c0ffee'.padEnd(64, '0');
export const NETWORK_ID = 'beef'.padEnd(64, '1');

export interface SmallEngine {
  readonly network?: string;
  readonly bridge?: string;
  readonly container?: string;
  readonly image?: string;
  readonly project?: string;
  readonly service?: string;
  readonly networkMode?: string;
  readonly version?: string;
}

export function smallEngine(fields: SmallEngine = {}): RequestListener {
  const name = fields.network ?? 'shop_data';
  const labels = {
    'com.docker.compose.project': fields.project ?? 'shop',
    'com.docker.compose.service': fields.service ?? 'db',
  };
  const network = {
    Id: NETWORK_ID,
    Name: name,
    Driver: 'bridge',
    Scope: 'local',
    Internal: true,
    IPAM: { Config: [{ Subnet: '172.30.0.0/24', Gateway: '172.30.0.1' }] },
    Options: { 'com.docker.network.bridge.name': fields.bridge ?? 'lo' },
    Labels: { 'com.docker.compose.project': fields.project ?? 'shop' },
    Containers: {},
  };
  const settings = {
    [name]: {
      NetworkID: NETWORK_ID,
      EndpointID: 'e'.repeat(64),
      IPAddress: '172.30.0.2',
      MacAddress: '02:42:ac:1e:00:02',
      Gateway: '172.30.0.1',
    },
  };
  const container = {
    Id: CONTAINER_ID,
    Name: `/${fields.container ?? 'shop-db-1'}`,
    Image: `sha256:${'d'.repeat(64)}`,
    Config: { Image: fields.image ?? 'postgres:17', Labels: labels },
    HostConfig: { NetworkMode: fields.networkMode ?? name },
    State: { Running: true, Pid: 0, StartedAt: '2026-01-01T00:00:00.000000Z' },
    NetworkSettings: { SandboxKey: '', Networks: settings },
  };
  const listed = {
    Id: CONTAINER_ID,
    Names: [container.Name],
    Image: container.Config.Image,
    Labels: labels,
    HostConfig: container.HostConfig,
    NetworkSettings: { Networks: settings },
  };
  const answers: Readonly<Record<string, unknown>> = {
    '/version': { Version: fields.version ?? '27.5.1' },
    '/networks': [network],
    [`/networks/${NETWORK_ID}`]: network,
    '/containers/json': [listed],
    [`/containers/${CONTAINER_ID}/json`]: container,
  };
  return (request, response) => {
    const path = new URL(request.url ?? '/', 'http://engine').pathname.replace(/^\/v\d+\.\d+/, '');
    if (path === '/events') {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.flushHeaders(); // And nothing more: nothing happens on this host.
      return;
    }
    const answer = answers[path];
    response.writeHead(answer === undefined ? 404 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer ?? { message: `no such thing: ${path}` }));
  };
}
