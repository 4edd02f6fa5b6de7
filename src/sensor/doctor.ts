/**
 * What this machine lets the sensor see, and what it does not: privileges, capture, engine, networks, counters. Each
 * answer says what was tried and what to do; a limit that cannot be mended is a warning, never silence.
 */
import { libpcapVersion, nativeBindingProblem, readInNamespace } from '../../capture/native/index.ts';
import { openNetfilter } from '../../capture/netfilter.ts';
import { type CaptureBackend, openLiveTap } from '../../capture/open.ts';
import { PORTABLE_LIMITS } from '../../capture/portable.ts';
import type { Config } from '../config/schema.ts';
import type { Diagnosis } from '../model/diagnosis.ts';
import type { Network } from '../model/network.ts';
import { clientOptions } from './config.ts';
import { engineDataRoot } from './docker/engine-root.ts';
import { diagnoseConntrack } from './host/conntrack/diagnose.ts';
import { diagnoseListeners } from './host/diagnose-listeners.ts';
import { diagnoseSockets } from './host/diagnose-sockets.ts';
import { netnsDirs } from './host/docker-netns.ts';
import { diagnoseFirewall } from './host/firewall/diagnose.ts';
import { readCounters } from './host/namespace-counters.ts';
import { type EngineMap, mapEngine } from './map.ts';
import { diagnoseGeo } from './names/doctor.ts';
import { missingCapabilities, NEEDED_CAPABILITIES } from './privileges.ts';
import { diagnoseDns } from './taps/diagnose-dns.ts';
import { type TapPlace, tapPlace } from './taps/tap-place.ts';
import { diagnoseThreatLists } from './threat-lists/doctor.ts';

export async function diagnoseSensor(config: Config): Promise<Diagnosis[]> {
  const found = [privileges(), backend(config.capture.backend), ...diagnoseGeo(config.geo, Date.now())];
  found.push(...(await diagnoseThreatLists(config.threat_lists, Date.now())));
  found.push(await diagnoseConntrack({ open: (groups) => openNetfilter({ groups }) }));
  found.push(await diagnoseFirewall(config.firewall.enabled));
  let map: EngineMap;
  try {
    map = await mapEngine(config.docker);
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    return [...found, { check: 'docker engine', outcome: 'fail', detail }];
  }
  found.push({ check: 'docker engine', outcome: 'ok', detail: `${map.engineVersion} at ${map.engine}` });
  found.push(await diagnoseDns(map, config));
  const namespaces = await netnsDirs(() => engineDataRoot(clientOptions(config.docker)));
  for (const network of map.networks) found.push(await coverage(network, map, config, namespaces));
  found.push(await diagnoseSockets(map.containers), await kernelCounters(map));
  if (config.listeners.enabled) found.push(await diagnoseListeners(map.containers, { readInNamespace }));
  return found;
}

function privileges(): Diagnosis {
  const check = 'privileges';
  const missing = missingCapabilities();
  if (missing === undefined)
    return { check, outcome: 'warn', detail: 'cannot read the capabilities of this process' };
  if (missing.length === 0) return { check, outcome: 'ok', detail: NEEDED_CAPABILITIES.join(' ') };
  return {
    check,
    outcome: 'fail',
    detail: `missing ${missing.join(' ')}`,
    advice: 'run as root, or the container with --privileged',
  };
}

function backend(wanted: CaptureBackend): Diagnosis {
  const check = 'capture backend';
  const problem = nativeBindingProblem();
  if (wanted !== 'portable' && problem === undefined) {
    try {
      return { check, outcome: 'ok', detail: `native, ${libpcapVersion()}` };
    } catch (error) {
      return { check, outcome: 'fail', detail: error instanceof Error ? error.message : String(error) };
    }
  }
  if (wanted === 'native') return { check, outcome: 'fail', detail: problem!.message };
  const why = wanted === 'portable' ? 'asked for' : problem!.message;
  return {
    check,
    outcome: 'warn',
    detail: `portable (${why}). What it cannot know: ${PORTABLE_LIMITS.join(' ')}`,
  };
}

async function coverage(
  network: Network,
  map: EngineMap,
  config: Config,
  dockerNetns: readonly string[],
): Promise<Diagnosis> {
  const check = `network ${network.name}`;
  const { networks: include, exclude_networks: exclude } = config.capture;
  if (exclude.includes(network.name) || (include.length > 0 && !include.includes(network.name))) {
    return {
      check,
      outcome: 'warn',
      detail: 'left out by the configuration (capture.networks, capture.exclude_networks)',
    };
  }
  const where = tapPlace(network, { dockerNetns });
  if (!('place' in where)) {
    // `none` and an overlay that nobody here is on have nothing to see.
    const isEmpty = network.driver === 'null' || (where.isTemporary && where.isOutOfSight !== true);
    const outcome = isEmpty ? 'ok' : 'warn';
    return { check, outcome, detail: `not covered: ${where.reason}` };
  }
  const { bridge } = network;
  if (bridge === undefined) return tryTap(check, where.place, config);
  if (!map.host.names.includes(bridge)) {
    const advice =
      'run the agent in the namespace of the engine (--network host); rootless Docker and Docker Desktop keep theirs out of reach';
    return {
      check,
      outcome: 'fail',
      detail: `its bridge ${bridge} is not in this network namespace`,
      advice,
    };
  }
  return tryTap(check, where.place, config);
}

async function tryTap(check: string, place: TapPlace, config: Config): Promise<Diagnosis> {
  const { promiscuous, filter } = config.capture;
  const { remark, ...options } = place;
  const at = `${place.interface}${remark === undefined ? '' : `; ${remark}`}`;
  try {
    const { source } = await openLiveTap({ promiscuous, filter, ...options }, config.capture.backend);
    source.close();
  } catch (error) {
    return { check, outcome: 'fail', detail: error instanceof Error ? error.message : String(error) };
  }
  if (promiscuous) return { check, outcome: 'ok', detail: `tapped at ${at}` };
  const detail = `tapped at ${at}, but not promiscuous: traffic between containers is not seen`;
  return { check, outcome: 'warn', detail, advice: 'set capture.promiscuous to true' };
}

/** One container stands for all: whether the way is open depends on how the agent runs, not on the container. */
async function kernelCounters(map: EngineMap): Promise<Diagnosis> {
  const check = 'kernel counters';
  const container = map.containers.find(
    ({ pid, workload }) => pid !== undefined && workload.networkMode !== 'host',
  );
  if (container === undefined)
    return { check, outcome: 'ok', detail: 'no container runs whose counters could be tried' };
  const reading = await readCounters(container, { readInNamespace });
  if (reading.ok)
    return {
      check,
      outcome: 'ok',
      detail: `OutNoRoutes of ${container.workload.name} read by ${reading.way}`,
    };
  const advice =
    "run the agent's container with pid: host; without it, attempts that emit no packet (engine 25 and later) are missed";
  return { check, outcome: 'warn', detail: `${container.workload.name}: ${reading.reason}`, advice };
}
