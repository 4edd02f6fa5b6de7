/**
 * Asks the engine for all that the audit reads of it, each thing on its own, so that what one question is refused costs
 * nothing else. Containers are inspected some at a time: an engine answers few questions at once, and 200 are to take
 * less than 3 s.
 */
import type { DockerClient } from './client.ts';
import { type ContainerFacts, readContainerFacts } from './container-facts.ts';
import { DockerError } from './docker-error.ts';
import {
  type EngineFacts,
  type NetworkFacts,
  readEngineFacts,
  readNetworkFacts,
  readSwarmFacts,
  type SwarmFacts,
} from './engine-facts.ts';
import { array, defined, object, string } from './json.ts';

/** What the engine said, or its refusal in words. */
export type Told<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly reason: string };

export interface EngineReading {
  readonly engine: Told<EngineFacts>;
  readonly networks: Told<readonly NetworkFacts[]>;
  readonly containers: Told<readonly ContainerFacts[]>;
  /** Those that run and could not be looked at. */
  readonly unread: readonly { readonly id: string; readonly name: string; readonly reason: string }[];
  /** Undefined where the engine is in no Swarm, or is only a worker of one: it answers managers' questions only there. */
  readonly swarm: Told<SwarmFacts | undefined>;
}

const AT_ONCE = 8;

/** Rejects with a DockerError when the engine does not answer at all. */
export async function readEngine(client: DockerClient): Promise<EngineReading> {
  const version = await client.get('/version');
  const [info, networks, listed] = await Promise.all([
    told(() => client.get('/info')),
    told(async () => defined(array(await client.get('/networks')).map(readNetworkFacts))),
    told(async () => array(await client.get('/containers/json'))),
  ]);
  const engine = info.ok ? readEngineFacts(version, info.value) : undefined;
  const found = await inspectAll(client, listed.ok ? listed.value : []);
  return {
    engine:
      engine === undefined
        ? { ok: false, reason: info.ok ? 'its answer has no version' : info.reason }
        : { ok: true, value: engine },
    networks,
    containers: listed.ok ? { ok: true, value: found.containers } : listed,
    unread: found.unread,
    swarm:
      engine?.swarm.isManager === true
        ? await told(async () => readSwarmFacts(await client.get('/swarm')))
        : { ok: true, value: undefined },
  };
}

async function told<T>(ask: () => Promise<T>): Promise<Told<T>> {
  try {
    return { ok: true, value: await ask() };
  } catch (error) {
    if (error instanceof DockerError) return { ok: false, reason: error.message };
    throw error;
  }
}

async function inspectAll(
  client: DockerClient,
  listed: readonly unknown[],
): Promise<{ readonly containers: readonly ContainerFacts[]; readonly unread: EngineReading['unread'] }> {
  const waiting = listed.map(object).entries();
  const containers: (ContainerFacts | undefined)[] = [];
  const unread: { id: string; name: string; reason: string }[] = [];
  const worker = async (): Promise<void> => {
    for (const [i, entry] of waiting) {
      const id = string(entry['Id']);
      if (id === undefined) continue;
      try {
        containers[i] = readContainerFacts(await client.get(`/containers/${id}/json`));
      } catch (error) {
        if (!(error instanceof DockerError)) throw error;
        // It has ended since the list was made.
        if (error.status === 404) continue;
        const name = string(array(entry['Names'])[0])?.replace(/^\//, '') ?? id.slice(0, 12);
        unread.push({ id, name, reason: error.message });
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return { containers: defined(containers), unread };
}
