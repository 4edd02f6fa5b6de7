/**
 * All that checks may read, gathered once before any of them runs. What could not be read carries why, and what would
 * help: the runner makes `unknown` of it, so that no check has to remember. A new source of facts is a field here.
 */
import type { AuditPlace } from '../../model/audit.ts';
import type { HostState, NetworkState, ServiceState } from '../../model/host-state.ts';
import type { Network } from '../../model/network.ts';
import type { Micros } from '../../model/time.ts';
import type { TrafficHistory } from '../../model/traffic-history.ts';
import type { ContainerFacts } from '../docker/container-facts.ts';
import type { EngineFacts, NetworkFacts, SwarmFacts } from '../docker/engine-facts.ts';
import type { EngineSettings } from '../host/engine-settings.ts';
import type { Ruleset } from '../host/firewall/ruleset.ts';
import type { HostListener, HostNetwork, KernelSwitches } from '../host/host-network.ts';
import type { NamespaceReading } from '../host/member-namespaces.ts';

/** Why something is not known, and what to do so that it is. */
export interface Ignorance {
  readonly reason: string;
  readonly remedy: string;
  /** Nobody said where it is, and nobody has to: a check that is about nothing else is not applicable, and not unknown. */
  readonly isUnasked?: true;
}

/** An object that could not be looked at, while its like could. */
export interface Gap extends Ignorance {
  readonly kind: 'network' | 'container';
  readonly id: string;
  readonly name: string;
}

export type Known<T> =
  | { readonly ok: true; readonly value: T; readonly gaps?: readonly Gap[] }
  | ({ readonly ok: false } & Ignorance);

/** What a container was given to ask for names. */
export interface ContainerNameServers {
  readonly containerId: string;
  /** 127.0.0.11 among them where the embedded resolver serves it; undefined where they cannot be known. */
  readonly servers: readonly string[] | undefined;
}

export interface ComposeProject {
  readonly name: string;
  /** Those that were read, in the order in which Compose merges them; those that were named, where they could not be. */
  readonly files: readonly string[];
  /** What they ask for, of all profiles; not known where they cannot be read. */
  readonly state: Known<HostState>;
  /** Of its containers that run. */
  readonly containerIds: readonly string[];
  /** Where its services and networks are declared, by their names in the state. */
  readonly places: ReadonlyMap<string, AuditPlace>;
  /** What they leave to variables that are not set here: whoever started the project may have set them. */
  readonly unset: readonly UnsetVariables[];
}

export interface UnsetVariables {
  readonly kind: 'network' | 'service';
  /** As in the state. */
  readonly name: string;
  readonly field: keyof NetworkState | keyof ServiceState;
  readonly variables: readonly string[];
}

export interface Baseline {
  readonly file: string;
  readonly savedAt: Micros;
  readonly state: HostState;
}

export interface Facts {
  /** `/version` and `/info`. */
  readonly engine: EngineFacts;
  /** The engine's command line and daemon.json. */
  readonly settings: EngineSettings;
  readonly networks: readonly NetworkFacts[];
  /** Those that run. */
  readonly containers: readonly ContainerFacts[];
  /** Undefined where there is no Swarm whose manager this engine is. */
  readonly swarm: SwarmFacts | undefined;
  /** Interfaces, addresses and routes of the engine's network namespace. */
  readonly host: HostNetwork;
  readonly listeners: readonly HostListener[];
  readonly switches: KernelSwitches;
  readonly firewall: readonly Ruleset[];
  readonly nameServers: readonly ContainerNameServers[];
  /** Routes and counters of the containers on internal networks. */
  readonly namespaces: readonly NamespaceReading[];
  /** What the agent's stored flows tell. */
  readonly traffic: TrafficHistory;
  /** What the Compose files ask for of the projects that run, or of those that were given. */
  readonly compose: readonly ComposeProject[];
  /** A state that was saved. */
  readonly baseline: Baseline;
}

export type FactName = keyof Facts;

export type AuditFacts = { readonly [Name in FactName]: Known<Facts[Name]> };

/** For pages and messages: what is read, in words. */
export const FACT_WORDS: Readonly<Record<FactName, string>> = {
  engine: 'what the engine says of itself (`/version`, `/info`)',
  settings: "the engine's command line and daemon.json",
  networks: 'its networks',
  containers: 'its running containers',
  swarm: "the Swarm's settings, on a manager",
  host: 'interfaces and routes of the host',
  listeners: 'who listens on the host',
  switches: "the kernel's switches (`/proc/sys/net`)",
  firewall: 'the rules of the firewall',
  nameServers: 'the resolvers of each container',
  namespaces: 'routes and counters of the containers on internal networks',
  traffic: 'the flows that the agent has stored',
  compose: 'the Compose files of the projects that run',
  baseline: 'a state that `audit --save` kept',
};

export function known<T>(value: T, gaps: readonly Gap[] = []): Known<T> {
  return { ok: true, value, ...(gaps.length === 0 ? {} : { gaps }) };
}

export function notKnown(reason: string, remedy: string): { readonly ok: false } & Ignorance {
  return { ok: false, reason, remedy };
}

/** Bridges, whose gateway is this host's own address. */
export function gatewaysOf(networks: readonly Network[]): string[] {
  return networks.filter(({ driver }) => driver === 'bridge').flatMap(({ gateways }) => gateways);
}
