/** Which of several engines on this host we talk with: the one that keeps its data where it says. */
import { type DockerClientOptions, openDocker } from './client.ts';

/** `DockerRootDir` of `GET /info`. Undefined when the engine does not say; never rejects. */
export async function engineDataRoot(options: DockerClientOptions): Promise<string | undefined> {
  try {
    const client = await openDocker(options);
    const info = (await client.get('/info')) as { readonly DockerRootDir?: unknown } | undefined;
    return typeof info?.DockerRootDir === 'string' ? info.DockerRootDir : undefined;
  } catch {
    return undefined;
  }
}
