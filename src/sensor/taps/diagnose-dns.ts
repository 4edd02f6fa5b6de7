/**
 * Whether what containers ask Docker's embedded resolver can be read here: one container stands for all, because the
 * way into a namespace depends on how the agent runs. And what is not seen without it, by engine version.
 */
import { openLiveTap } from '../../../capture/open.ts';
import type { Config } from '../../config/schema.ts';
import type { Diagnosis } from '../../model/diagnosis.ts';
import { namespacePath } from '../host/namespace-counters.ts';
import type { EngineMap } from '../map.ts';
import { hasEmbeddedResolver, resolverTap } from './container-taps.ts';

export async function diagnoseDns(map: EngineMap, { dns, capture }: Config): Promise<Diagnosis> {
  const check = 'dns';
  const blind = blindness(map.engineVersion);
  if (!dns.container_taps) {
    const detail = `dns.container_taps is off; ${blind}`;
    return { check, outcome: 'warn', detail };
  }
  const container = map.containers.find((each) => hasEmbeddedResolver(each));
  if (container === undefined) {
    return {
      check,
      outcome: 'ok',
      detail: "no container runs that Docker's resolver serves; others ask over their bridge",
    };
  }
  const { name } = container.workload;
  try {
    const netns = await namespacePath(container);
    if (netns === undefined) throw new Error('its namespace is not visible here');
    const live = resolverTap({
      bufferBytes: dns.container_buffer_bytes,
      readTimeoutMs: capture.read_timeout_ms,
    });
    const { source } = await openLiveTap({ ...live, netns }, capture.backend);
    source.close();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return {
      check,
      outcome: 'warn',
      detail: `questions to Docker's resolver cannot be read in ${name}: ${reason}; ${blind}`,
      advice: "run the agent's container with --privileged and pid: host, with the native backend",
    };
  }
  const detail = `questions to Docker's resolver are read in each container's namespace (tried: ${name})`;
  return { check, outcome: 'ok', detail };
}

/** moby: from 28.0 on the embedded resolver asks from the host's namespace. */
function blindness(engineVersion: string): string {
  const major = Number.parseInt(engineVersion, 10);
  return Number.isNaN(major) || major >= 28
    ? `engine ${engineVersion} asks from the host, so the names that containers on user-defined networks ask for are not seen`
    : `of engine ${engineVersion}, questions that it answers itself or passes to a resolver on the host's loopback are not seen`;
}
