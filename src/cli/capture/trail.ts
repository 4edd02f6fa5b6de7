/**
 * Tells the running agent, if there is one, that packets were captured beside it: who, whose, how many. The capture is
 * done and whole without that, so whatever is in the way is no news.
 */
import type { RecordingSummary } from '../../sensor/recording/recording.ts';
import { whoAmI } from '../decide.ts';
import { agentRequest } from '../lib/agent-client.ts';

/** An agent that stalls is not to keep anybody from their capture. */
const PATIENCE_MS = 2000;
const MAX_LINES = 64;
const MAX_LINE_CHARS = 1000;

const ENDS: Readonly<Record<string, 'whole' | 'limit' | 'cut'>> = {
  stopped: 'whole',
  'reader-gone': 'whole',
  packets: 'limit',
  bytes: 'limit',
};

export async function tellAgent(
  storePath: string,
  targets: readonly string[],
  filter: string | undefined,
  { interfaces, files, packets, unseen, end }: RecordingSummary,
): Promise<void> {
  const told = {
    targets,
    networks: [...new Set(interfaces.map(({ network }) => network.name))],
    ...(filter === undefined ? {} : { filter }),
    packets,
    bytes: files.reduce((sum, file) => sum + file.bytes, 0),
    ...(files.length === 1 ? { sha256: files[0]!.sha256 } : {}),
    end: ENDS[end] ?? 'cut',
    missing: unseen.slice(0, MAX_LINES).map((line) => line.slice(0, MAX_LINE_CHARS)),
    by: whoAmI(),
  };
  try {
    await agentRequest(storePath, 'POST', '/api/v1/captures', told, { timeoutMs: PATIENCE_MS });
  } catch {
    // Nobody runs there, or nobody that may be told.
  }
}
