/**
 * An engine with two big hosts' worth of containers: the answers of the recording of engine 20.10, multiplied. Each
 * container is on two networks and has the labels that Compose writes.
 */
import { readFileSync } from 'node:fs';
import type { DockerClient } from '../../src/sensor/docker/client.ts';
import { DockerError } from '../../src/sensor/docker/docker-error.ts';
import type { Line } from './recorded-engine.ts';

export const BIG_HOSTS = { containers: 500, networks: 100, networksEach: 2 } as const;

type Json = Record<string, unknown>;

const RECORDING = new URL('../fixtures/docker/engine-20.10.ndjson', import.meta.url);

const hexId = (kind: string, i: number): string =>
  (kind + i.toString(16).padStart(8, '0')).padEnd(64, 'abcdef0123456789');

/** The first answer to a question that matches. */
function recorded(lines: readonly Line[], path: RegExp): Json {
  for (const line of lines) if ('answer' in line && path.test(line.get)) return line.answer as Json;
  throw new Error(`nothing recorded for ${path}`);
}

export function bigHosts(): DockerClient {
  const lines = readFileSync(RECORDING, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
  const container = recorded(lines, /^\/containers\/[0-9a-f]{64}\/json$/);
  const network = recorded(lines, /^\/networks\/52d7948051e9/);
  const settings = container['NetworkSettings'] as Json;
  const place = Object.values(settings['Networks'] as Json)[0] as Json;
  const member = Object.values(network['Containers'] as Json)[0] as Json;

  const subnet = (n: number): string => `10.${n}.0`;
  const placesOf = (i: number): { n: number; ip: string; mac: string }[] =>
    Array.from({ length: BIG_HOSTS.networksEach }, (_, k) => {
      const n = (i + k * 37) % BIG_HOSTS.networks;
      const host = 2 + Math.floor(i / BIG_HOSTS.networks) * BIG_HOSTS.networksEach + k;
      const byte = (value: number): string => value.toString(16).padStart(2, '0');
      return { n, ip: `${subnet(n)}.${host}`, mac: `02:42:0a:${byte(n)}:00:${byte(host)}` };
    });
  const answers = new Map<string, string>();
  const membersOf = Array.from({ length: BIG_HOSTS.networks }, (): Json => ({}));
  const summaries: Json[] = [];
  for (let i = 0; i < BIG_HOSTS.containers; i++) {
    const id = hexId('c', i);
    const networks: Json = {};
    for (const { n, ip, mac } of placesOf(i)) {
      const EndpointID = hexId('e', i * 10 + n);
      const more = { NetworkID: hexId('d', n), EndpointID, IPAddress: ip, MacAddress: mac };
      networks[`net-${n}`] = { ...place, ...more, Gateway: `${subnet(n)}.1` };
      membersOf[n]![id] = {
        ...member,
        Name: `service-${i}`,
        EndpointID,
        MacAddress: mac,
        IPv4Address: `${ip}/24`,
      };
    }
    const inspected = {
      ...container,
      Id: id,
      Name: `/service-${i}`,
      NetworkSettings: { ...settings, Networks: networks },
    };
    answers.set(`/containers/${id}/json`, JSON.stringify(inspected));
    summaries.push({
      Id: id,
      Names: [`/service-${i}`],
      Image: 'image',
      NetworkSettings: { Networks: networks },
    });
  }
  const listed = Array.from({ length: BIG_HOSTS.networks }, (_, n): Json => {
    const Config = [{ Subnet: `${subnet(n)}.0/24`, Gateway: `${subnet(n)}.1` }];
    const own = { Id: hexId('d', n), Name: `net-${n}`, IPAM: { Config }, Options: {}, Containers: {} };
    answers.set(`/networks/${own.Id}`, JSON.stringify({ ...network, ...own, Containers: membersOf[n] }));
    return { ...network, ...own };
  });
  answers.set('/networks', JSON.stringify(listed));
  answers.set('/containers/json', JSON.stringify(summaries));
  answers.set('/version', JSON.stringify({ Version: '20.10' }));
  return {
    label: 'two big hosts',
    async get(path) {
      const text = answers.get(path);
      if (text === undefined) throw new DockerError('DOCKER_API', `no such thing: ${path}`, { status: 404 });
      return JSON.parse(text) as unknown;
    },
    async events(_filters, signal) {
      return (async function* () {
        if (signal.aborted) return;
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      })();
    },
  };
}
