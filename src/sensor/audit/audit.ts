/** One audit of this host: facts once, then every check over them. */
import {
  type AuditResult,
  type AuditScore,
  auditScores,
  byGravity,
  type NetworkAssurance,
} from '../../model/audit.ts';
import type { HostState } from '../../model/host-state.ts';
import type { DockerConfig } from '../config.ts';
import { assurancesOf } from './assurance/assurance.ts';
import type { CheckDefinition } from './check.ts';
import internalWaysOut from './checks/internal-ways-out.ts';
import { checks as allChecks } from './checks.ts';
import type { ComposedAudit } from './compose/composed-audit.ts';
import { stateOf } from './drift/state.ts';
import { type AuditFacts, type FactName, type Known, known, notKnown } from './facts.ts';
import { type AuditSources, gatherFacts } from './gather.ts';
import { runChecks } from './run-checks.ts';

export interface Audit {
  /** As the engine says it; absent where it does not. */
  readonly engineVersion?: string;
  /** Of Compose files, before they are deployed; absent of a host. */
  readonly composed?: ComposedAudit;
  readonly containers: number;
  /** Names of all that the engine has. */
  readonly networks: readonly string[];
  /** Failures first, the gravest of them first. */
  readonly results: readonly AuditResult[];
  /** The host first, then each network that has members or results. */
  readonly scores: readonly AuditScore[];
  /** To be kept, and held against a later one; not known unless all networks and containers could be looked at. */
  readonly state: Known<HostState>;
  /** Of each internal network; none where the check internal-ways-out was not asked for, whose facts they are made of. */
  readonly assurances: readonly NetworkAssurance[];
}

/** Rejects with a DockerError when the engine does not answer. */
export async function auditHost(
  docker: DockerConfig,
  checks: readonly CheckDefinition[] = allChecks,
  sources: AuditSources = {},
): Promise<Audit> {
  const names = new Set<FactName>(checks.flatMap(({ needs, wants = [] }) => [...needs, ...wants]));
  return auditFacts(await gatherFacts(docker, names, sources), checks);
}

export function auditFacts(facts: AuditFacts, checks: readonly CheckDefinition[] = allChecks): Audit {
  return summedUp(facts, runChecks(checks, facts));
}

/** Results of any number of checks over these facts as one audit. */
export function summedUp(facts: AuditFacts, found: readonly AuditResult[]): Audit {
  const results = [...found].sort(byGravity);
  const { engine, networks, containers } = facts;
  const members = new Set(containers.ok ? containers.value.flatMap((container) => container.networks) : []);
  const told = new Set(results.flatMap((result) => result.networks));
  // Those that results tell of are places even where the networks could not be read, or are not in the Compose file.
  const all = [...new Set([...(networks.ok ? networks.value : []).map(({ name }) => name), ...told])];
  const names = all.filter((name) => members.has(name) || told.has(name)).sort((a, b) => a.localeCompare(b));
  return {
    ...(engine.ok ? { engineVersion: engine.value.version } : {}),
    containers: containers.ok ? containers.value.length : 0,
    networks: all,
    results,
    scores: auditScores(results, names),
    state: wholeState(facts),
    assurances: found.some(({ check }) => check === internalWaysOut.id) ? assurancesOf(facts) : [],
  };
}

function wholeState({ engine, networks, containers }: AuditFacts): Known<HostState> {
  if (!networks.ok) return networks;
  if (!containers.ok) return containers;
  const [gap] = [...(networks.gaps ?? []), ...(containers.gaps ?? [])];
  if (gap !== undefined) return notKnown(`${gap.name} could not be looked at: ${gap.reason}`, gap.remedy);
  return known(stateOf(networks.value, containers.value, engine.ok ? engine.value.addressPools : []));
}
