/**
 * Reads the facts that the chosen checks ask for: from the engine that runs, and from the host that it runs on. It only
 * reads. Where one source is closed the others are read all the same, and the facts say what would open it.
 */
import { clientOptions, type DockerConfig } from '../config.ts';
import { type EngineReading, readEngine, type Told } from '../docker/audit-reader.ts';
import { openDocker } from '../docker/client.ts';
import { dockerHost } from '../docker/docker-host.ts';
import { engineDataRoot } from '../docker/engine-root.ts';
import { ContainerResolvers } from '../host/container-resolvers.ts';
import { type EngineProcess, findEngines } from '../host/engine-process.ts';
import { engineSettings } from '../host/engine-settings.ts';
import { FirewallReader } from '../host/firewall/read.ts';
import { namespaceProblem, readHostListeners, readHostNetwork, readSwitches } from '../host/host-network.ts';
import { readMemberNamespaces } from '../host/member-namespaces.ts';
import { runningProjects } from './compose/running-projects.ts';
import {
  type AuditFacts,
  type FactName,
  type Facts,
  gatewaysOf,
  type Known,
  known,
  notKnown,
} from './facts.ts';

const ASK_ROOT = 'Give the audit access to the engine: run it as root, or with DOCKER_HOST or --socket set.';
const SHOW_PROCESSES =
  "Run the audit as root and in the host's PID namespace (of a container: --pid host), on the engine's own host.";
const SHOW_NETWORK =
  "Run the audit in the host's network namespace (of a container: --network host), on the engine's own host.";
const NO_TRAFFIC = notKnown(
  'no database of an agent was given',
  'Run the audit where the agent keeps its database, or name it with --db.',
);
const NO_BASELINE = {
  ...notKnown(
    'no saved state was given',
    'Keep one with `bridgewatch audit --save FILE`, and compare with --against FILE.',
  ),
  isUnasked: true,
} as const;
const NOT_ASKED = notKnown('no chosen check reads it', 'Nothing: it was not asked for.');

/** Facts that neither the engine nor the host tells: who calls the audit knows where they are. Read only if a check wants them. */
export interface AuditSources {
  readonly traffic?: (networks: AuditFacts['networks']) => Promise<AuditFacts['traffic']>;
  readonly baseline?: () => Promise<AuditFacts['baseline']>;
}

/** Rejects with a DockerError when the engine does not answer. */
export async function gatherFacts(
  docker: DockerConfig,
  wanted: ReadonlySet<FactName>,
  sources: AuditSources = {},
  proc = '/proc',
): Promise<AuditFacts> {
  const options = clientOptions(docker);
  const [reading, engines] = await Promise.all([
    openDocker(options).then(readEngine),
    // An engine elsewhere has no process here, whatever else runs.
    dockerHost(options).kind === 'unix' ? findEngines(proc) : [],
  ]);
  const process = await ownProcess(engines, options);
  const parts = engineParts(reading);
  const gateways = reading.networks.ok ? gatewaysOf(reading.networks.value) : [];
  const elsewhere = await namespaceProblem(process, gateways, proc);
  const ask = async <Name extends FactName>(
    name: Name,
    read: () => Promise<Known<Facts[Name]>>,
  ): Promise<Known<Facts[Name]>> => (wanted.has(name) ? read() : NOT_ASKED);
  /** Of the host's network, which is only ours when we stand in it. */
  const onHost = <Name extends FactName>(name: Name, read: () => Promise<Facts[Name] | undefined>) =>
    ask(name, async (): Promise<Known<Facts[Name]>> => {
      if (elsewhere !== undefined) return notKnown(elsewhere, SHOW_NETWORK);
      const value = await read();
      return value === undefined
        ? notKnown(`${proc}/net cannot be read`, 'Run the audit as root.')
        : known(value as Facts[Name]);
    });
  return {
    ...parts,
    settings: settingsOf(process),
    host: await onHost('host', () => readHostNetwork(proc)),
    listeners: await onHost('listeners', () => readHostListeners(process, proc)),
    switches: await onHost('switches', () => readSwitches(proc)),
    firewall: await ask('firewall', async () => {
      if (elsewhere !== undefined) return notKnown(elsewhere, SHOW_NETWORK);
      const { rulesets, problems } = await new FirewallReader(undefined, 'all').read();
      return rulesets.length > 0
        ? known(rulesets)
        : notKnown(problems.join('; '), 'Run the audit as root, with iptables and nftables installed.');
    }),
    nameServers: await ask('nameServers', () => nameServersOf(reading, engines, proc)),
    namespaces: await ask('namespaces', () => namespacesOf(reading, proc)),
    traffic: await ask('traffic', async () => (await sources.traffic?.(parts.networks)) ?? NO_TRAFFIC),
    compose: await ask('compose', async () =>
      runningProjects(parts.containers, dockerHost(options).kind === 'unix'),
    ),
    baseline: await ask('baseline', async () => (await sources.baseline?.()) ?? NO_BASELINE),
  };
}

function engineParts(
  reading: EngineReading,
): Pick<AuditFacts, 'engine' | 'networks' | 'containers' | 'swarm'> {
  const from = <T>(part: Told<T>): Known<T> =>
    part.ok ? known(part.value) : notKnown(part.reason, ASK_ROOT);
  const containers = from(reading.containers);
  const gaps = reading.unread.map((each) => ({
    kind: 'container' as const,
    ...each,
    remedy: 'Run the audit again.',
  }));
  return {
    engine: from(reading.engine),
    networks: from(reading.networks),
    containers: containers.ok ? known(containers.value, gaps) : containers,
    swarm: from(reading.swarm),
  };
}

/** Of the engine that we talk with: not of one that only happens to run here. */
async function ownProcess(
  engines: readonly EngineProcess[],
  options: ReturnType<typeof clientOptions>,
): Promise<EngineProcess | undefined> {
  if (engines.length <= 1) return engines[0];
  const dataRoot = await engineDataRoot(options);
  return engines.find((engine) => engine.dataRoot === dataRoot);
}

function settingsOf(process: EngineProcess | undefined): AuditFacts['settings'] {
  if (process === undefined) return notKnown("the engine's process is not visible from here", SHOW_PROCESSES);
  const settings = engineSettings(process);
  return settings === undefined
    ? notKnown(`${process.configFile} cannot be read, or is no JSON`, SHOW_PROCESSES)
    : known(settings);
}

async function nameServersOf(
  { containers }: EngineReading,
  engines: readonly EngineProcess[],
  proc: string,
): Promise<AuditFacts['nameServers']> {
  if (!containers.ok) return notKnown(containers.reason, ASK_ROOT);
  const resolvers = new ContainerResolvers({ proc, engines });
  const found: Facts['nameServers'][number][] = [];
  for (const container of containers.value) {
    found.push({ containerId: container.id, servers: await resolvers.of(container) });
  }
  return known(found);
}

/** Of who is on an internal network: nobody asks of the others, and each costs the kernel three files. */
async function namespacesOf(
  { networks, containers }: EngineReading,
  proc: string,
): Promise<AuditFacts['namespaces']> {
  if (!networks.ok) return notKnown(networks.reason, ASK_ROOT);
  if (!containers.ok) return notKnown(containers.reason, ASK_ROOT);
  const internal = new Set(networks.value.filter((network) => network.internal).map(({ name }) => name));
  const members = containers.value.filter((container) =>
    container.networks.some((name) => internal.has(name)),
  );
  return known(await readMemberNamespaces(members, proc));
}
