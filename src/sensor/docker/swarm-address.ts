/** Under which address this engine's Swarm reaches it: the uplink of its overlay networks has it. */
import { type DockerClientOptions, openDocker } from './client.ts';

/** `Swarm.NodeAddr` of `GET /info`; undefined when the engine is in no Swarm or does not answer. Never rejects. */
export async function swarmAddress(options: DockerClientOptions): Promise<string | undefined> {
  try {
    const client = await openDocker(options);
    const info = (await client.get('/info')) as
      | { readonly Swarm?: { readonly NodeAddr?: unknown } }
      | undefined;
    const address = info?.Swarm?.NodeAddr;
    return typeof address === 'string' && address !== '' ? address : undefined;
  } catch {
    return undefined;
  }
}
