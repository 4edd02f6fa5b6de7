/**
 * The help texts and the examples of docs/cli.md. Examples are run, with the commands from the sources, so that what
 * the page shows is what a person gets. What stands around them is written by hand.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { documentedCommands, program } from '../src/cli/program.ts';
import type { DnsRecord } from '../src/model/dns.ts';
import { Station } from '../src/station/station.ts';
import { make } from '../test/cases/internal-egress-answered/make.ts';
import { smallEngine } from '../test/cli/support/small-engine.ts';
import { memoryLogger, stationConfig } from '../test/station/support/harness.ts';
import { engineChange, lease, SECOND } from '../test/station/support/leases.ts';
import {
  database,
  dns,
  endpoint,
  finding,
  flow,
  inventory,
  outside,
  T0,
} from '../test/station/support/records.ts';
import { fakeEngine } from '../test/support/fake-engine.ts';
import { between, type GeneratedFile } from './markdown.ts';

const PAGE = new URL('cli.md', import.meta.url);
const MAIN = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url));
const TSX = import.meta.resolve('tsx');
const HELP_COLUMNS = 110;

/** By the name of the block on the page. */
const EXAMPLES: Readonly<Record<string, string>> = {
  analyze: 'bridgewatch analyze incident.pcap --inventory inventory.ndjson --flows',
  'analyze-json':
    'bridgewatch analyze incident.pcap --network data=172.30.0.0/24,internal --json | tail -n 1',
  'analyze-cut': 'bridgewatch analyze cut.pcap; echo "exit code $?"',
  map: 'bridgewatch map',
  events: "bridgewatch events --since '2026-11-23 14:00'",
  'events-all': 'bridgewatch events --since 2026-11-23 --all --json | head -n 1',
  flows: "bridgewatch flows 'network:data and dst.scope:internet' --since 2026-11-23",
  'flows-mistake': `bridgewatch flows 'network:data and dst.scope:internt'; echo "exit code $?"`,
  dns: "bridgewatch dns --since '2026-11-23 14:00'",
  'dns-by-container': 'bridgewatch dns --by container --since 2026-11-23',
  'dns-by-zone': 'bridgewatch dns --by zone --since 2026-11-23 --limit 2',
  who: "bridgewatch who 172.30.1.5 --at '2026-11-23 14:01'",
  'who-nobody': `bridgewatch who 172.30.1.5 --at '2026-11-23 14:02:30'; echo "exit code $?"`,
  'who-flow': 'bridgewatch who --flow u1',
  timeline: "bridgewatch timeline --since '2026-11-23 14:00'",
  influx: 'bridgewatch influx schema | tail -n 9',
  'check-config': 'bridgewatch check-config config.yaml; echo "exit code $?"',
};

export async function cliPages(): Promise<GeneratedFile[]> {
  let page = readFileSync(PAGE, 'utf8');
  for (const [name, text] of helpTexts())
    page = between(page, `help-${name}`, fenced('text', text), PAGE.pathname);
  const world = await makeWorld();
  try {
    const outputs = await Promise.all(
      Object.entries(EXAMPLES).map(
        async ([name, command]) => [name, command, await run(command, world)] as const,
      ),
    );
    for (const [name, command, output] of outputs) {
      const block = fenced('console', `$ ${command}\n${output}`);
      page = between(page, `example-${name}`, block, PAGE.pathname);
    }
  } finally {
    await world.remove();
  }
  return [{ path: PAGE, text: page }];
}

function helpTexts(): [name: string, text: string][] {
  const root = program();
  const commands = documentedCommands(root).flatMap((command) => [command, ...command.commands]);
  return [root, ...commands].map((command) => {
    const parts: string[] = [];
    command.configureOutput({
      writeOut: (part) => parts.push(part),
      getOutHelpWidth: () => HELP_COLUMNS,
    });
    command.outputHelp();
    const { parent } = command;
    const name = parent === null || parent === root ? command.name() : `${parent.name()}-${command.name()}`;
    return [name, parts.join('')];
  });
}

interface World {
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  remove(): Promise<void>;
}

/** A folder with what the examples name, a database, and an engine that answers. */
async function makeWorld(): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'bridgewatch-docs-'));
  try {
    return await fillWorld(folder);
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

async function fillWorld(folder: string): Promise<World> {
  const capture = make();
  writeFileSync(join(folder, 'incident.pcap'), capture);
  writeFileSync(join(folder, 'cut.pcap'), capture.subarray(0, capture.length - 10));
  const shop = readFileSync(new URL('../test/cases/shop.ndjson', import.meta.url));
  writeFileSync(join(folder, 'inventory.ndjson'), shop);
  writeFileSync(
    join(folder, 'config.yaml'),
    'capture:\n  snaplen_byte: 1500\n  backend: nativ\nstore:\n  max_bytes: 5\n',
  );
  const station = new Station(stationConfig(folder), {
    logger: memoryLogger().logger,
    now: () => T0 + 3600 * SECOND,
  });
  await station.start();
  station.receive(engineChange('added', T0 + 2000));
  station.receive(lease(0, { time: T0 + 2000, to: T0 + 120 * SECOND }));
  station.receive(
    lease(180, { workload: { ...database, containerId: 'c0ffee'.padEnd(64, '0'), name: 'shop-db-2' } }),
  );
  station.receive(inventory(1));
  station.receive(finding(2));
  station.receive(flow(1));
  station.receive(
    flow(2, { resp: outside({ ip: '198.51.100.53', port: 53 }), protocol: 'udp', origBytes: 71_000 }),
  );
  for (const record of lookUps()) station.receive(record);
  await station.stop();
  const engine = fakeEngine(smallEngine({ bridge: 'br-5d0c3a1f9b7e' }));
  await engine.listen();
  return {
    folder,
    env: { DOCKER_HOST: `unix://${engine.socket}`, BRIDGEWATCH_STORE_PATH: join(folder, 'bridgewatch.db') },
    async remove() {
      await engine.remove();
      rmSync(folder, { recursive: true });
    },
  };
}

/** On the bridge, and in the container: answered, denied, passed on, and left alone. */
function lookUps(): DnsRecord[] {
  const { network: _, ...seen } = dns(0);
  const inContainer: DnsRecord = {
    ...seen,
    vantage: 'container',
    interface: 'lo@shop-api-1',
    networks: [{ name: 'shop_front', internal: false }],
    client: endpoint({ ip: '127.0.0.1', mac: undefined, workload: API }),
    server: outside({ ip: '127.0.0.11', port: 53, scope: 'engine' }),
  };
  const passedOn = {
    server: outside({ ip: '198.51.100.53', port: 53 }),
    network: 'shop_front',
    interface: 'br-1',
  };
  const { rcode: __, rtt: ___, ...unanswered } = inContainer;
  const at = (secs: number) => T0 + secs * SECOND;
  return [
    { ...inContainer, time: at(1), query: 'db', answers: [answer('db', '172.30.1.5')], rtt: 210 },
    {
      ...inContainer,
      time: at(2),
      query: 'api.example.com',
      answers: [answer('api.example.com', '198.51.100.7'), answer('api.example.com', '198.51.100.8')],
      upstream: { ...passedOn, rtt: 11_800 },
      rtt: 12_300,
    },
    {
      ...inContainer,
      time: at(3),
      query: 'api.exmaple.com',
      rcode: 'NXDOMAIN',
      answers: [],
      upstream: { ...passedOn, rtt: 34_000 },
      rtt: 35_000,
    },
    { ...unanswered, time: at(4), query: 'metrics.example.net', answers: [], upstream: passedOn },
    dns(0, { time: at(5), query: 'pool.example.org', rtt: 1200 }),
    dns(0, {
      time: at(6),
      query: 'mzxw6ytboi2dcnrxgqztsmzvgm4dcmjq.onswg4tfoqqhg2lhnzqwizlyorsxezlt.t.example.org',
      qtype: 'TXT',
      answers: [{ ...answer('x', '"cGluZwo="'), type: 'TXT' }],
      transport: 'tcp',
      rtt: 41_000,
    }),
  ];
}

function answer(name: string, data: string): DnsRecord['answers'][number] {
  return { name, type: 'A', ttl: 60, bytes: 4, data };
}

const API = {
  ...database,
  containerId: 'beef'.padEnd(64, '0'),
  name: 'shop-api-1',
  composeService: 'api',
  image: 'shop/api:2',
  networks: ['shop_front'],
};

function run(command: string, { folder, env }: World): Promise<string> {
  const script = `bridgewatch() { "$NODE" --import "$TSX" "$MAIN" "$@"; }; exec 2>&1; ${command}`;
  const { PATH = '' } = process.env;
  const options = { cwd: folder, env: { ...env, PATH, NODE: process.execPath, TSX, MAIN } };
  return new Promise((resolve, reject) => {
    execFile('bash', ['-c', script], options, (error, stdout) =>
      // Its exit code is part of the example.
      error !== null && typeof error.code !== 'number' ? reject(error) : resolve(stdout),
    );
  });
}

function fenced(language: string, text: string): string {
  return `\`\`\`${language}\n${text.trimEnd()}\n\`\`\``;
}
