/**
 * What differs between two states of a host, the gravest first. Pure. A sentence tells what is now and not what was, so
 * that it can stand behind "not as saved" and behind "not as the Compose file says".
 */
import { type EvidenceValue, gravest, SEVERITIES, type Severity } from '../../../model/finding.ts';
import type { DriftChange } from '../../../model/host-drift.ts';
import type { HostState, NetworkState, ServiceState } from '../../../model/host-state.ts';
import { portText } from '../lib/published-ports.ts';
import { listed } from '../lib/verdicts.ts';
import { networkDifferences } from './network-diff.ts';
import { serviceDifferences } from './service-diff.ts';

export function diffStates(before: HostState, after: HostState): readonly DriftChange[] {
  return [
    ...paired(before.networks, after.networks).flatMap(([was, is]) => networkChanges(was, is)),
    ...paired(before.services, after.services).flatMap(([was, is]) => serviceChanges(was, is, before, after)),
  ].sort(byGravity);
}

/** What of the object differs, in a word that stays when values change: each option of a network is one by itself. */
export function driftTopic({ field, before, after }: DriftChange): string {
  return field === 'options' ? `options ${/^[^=]*/.exec(String(after ?? before))![0]}` : field;
}

/** Its members tell what it opens: alone it does nothing. */
function networkChanges(was: NetworkState | undefined, is: NetworkState | undefined): DriftChange[] {
  if (was !== undefined && is !== undefined) {
    return networkDifferences(was, is).map((each) => ({ kind: 'network', name: is.name, ...each }));
  }
  const text = (network: NetworkState) =>
    [network.driver, ...(network.isInternal ? ['internal'] : [])].join(', ');
  return is === undefined
    ? gone('network', was!.name, text(was!), `There is no network ${was!.name}.`, 'informational')
    : come('network', is.name, text(is), `There is a network ${is.name} (${text(is)}).`, 'informational');
}

function serviceChanges(
  was: ServiceState | undefined,
  is: ServiceState | undefined,
  before: HostState,
  after: HostState,
): DriftChange[] {
  if (was !== undefined && is !== undefined) {
    return serviceDifferences(was, is, before, after).map((each) => ({
      kind: 'service',
      name: is.name,
      ...each,
    }));
  }
  // What is gone may have been what kept others out: a proxy, a firewall.
  if (is === undefined)
    return gone('service', was!.name, serviceText(was!), `${was!.name} does not run.`, 'low');
  const brought = serviceDifferences({ ...NOTHING, name: is.name }, is, before, after);
  // On networks that are as new as it is, it meets nobody who was there.
  const isAmongOthers = is.networks.some((name) => before.networks.some((network) => network.name === name));
  const severities = brought.filter(({ field }) => field !== 'networks').map(({ severity }) => severity);
  const severity = gravest([...severities, isAmongOthers ? 'medium' : 'low']);
  return come('service', is.name, serviceText(is), `${is.name} runs, ${serviceText(is)}.`, severity);
}

/** A service with no right beyond the usual. */
const NOTHING: Omit<ServiceState, 'name'> = {
  ...{ networks: [], networkMode: 'none', ports: [], isPrivileged: false, capAdd: [], capDrop: [] },
  ...{ sysctls: {}, sockets: [] },
};

function serviceText(service: ServiceState): string {
  const { networks, networkMode, ports, isPrivileged, capAdd, pidMode, sockets } = service;
  const place = networks.length > 0 ? `on ${listed(networks)}` : `with network mode ${networkMode}`;
  return [
    place,
    ...(isPrivileged ? ['privileged'] : []),
    ...(capAdd.length > 0 ? [`with ${listed(capAdd)}`] : []),
    ...(pidMode === undefined ? [] : [`with PID mode ${pidMode}`]),
    ...(sockets.length > 0 ? [`with ${listed(sockets)} mounted`] : []),
    ...(ports.length > 0 ? [`publishing ${listed(ports.map(portText))}`] : []),
  ].join(', ');
}

function gone(
  kind: DriftChange['kind'],
  name: string,
  before: EvidenceValue,
  sentence: string,
  severity: Severity,
): DriftChange[] {
  return [{ kind, name, field: 'presence', before, sentence, severity }];
}

function come(
  kind: DriftChange['kind'],
  name: string,
  after: EvidenceValue,
  sentence: string,
  severity: Severity,
): DriftChange[] {
  return [{ kind, name, field: 'presence', after, sentence, severity }];
}

/** By name, in the order of names. */
function paired<T extends { readonly name: string }>(
  before: readonly T[],
  after: readonly T[],
): (readonly [was: T | undefined, is: T | undefined])[] {
  const was = new Map(before.map((each) => [each.name, each]));
  const is = new Map(after.map((each) => [each.name, each]));
  return [...new Set([...was.keys(), ...is.keys()])].sort().map((name) => [was.get(name), is.get(name)]);
}

/** What is alike grave stays as it was: networks before services, by name, fields in their order. */
function byGravity(a: DriftChange, b: DriftChange): number {
  return SEVERITIES.indexOf(b.severity) - SEVERITIES.indexOf(a.severity);
}
