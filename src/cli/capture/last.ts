/**
 * `capture --last`: packets of the last moments, which the running agent remembers. It puts them aside as evidence, so
 * they are in its folder and its audit trail too; this asks for them and takes them out.
 */
import { writeFileSync } from 'node:fs';
import { type PublicEvidence, parseRecord, printableJson } from '../../model/serialize.ts';
import { MICROS_PER_SECOND } from '../../model/time.ts';
import { parseDuration } from '../../query/quantities.ts';
import { whoAmI } from '../decide.ts';
import { writeOut } from '../evidence/file.ts';
import { endText, packetsText } from '../evidence/text.ts';
import { AgentClientError, agentRequest, agentResponse } from '../lib/agent-client.ts';
import { EXIT } from '../lib/exit-codes.ts';
import { UsageError } from '../lib/failure.ts';
import { complain, formatBytes, printLine } from '../lib/output.ts';

export interface LastOptions {
  /** As it was typed: `60s`. */
  readonly last: string;
  /** Where to, `-` for stdout. */
  readonly path: string;
  readonly json: boolean;
}

/** Longer than the agent waits for its sensor, so that it is the one to say what is the matter. */
const ANSWER_MS = 40_000;
const FETCH_MS = 600_000;

/** Rejects with an AgentClientError where no agent answers. */
export async function captureLast(
  storePath: string,
  targets: readonly string[],
  { last, path, json }: LastOptions,
): Promise<void> {
  const lastMicros = parseDuration(last);
  if (lastMicros === undefined || lastMicros <= 0)
    throw new UsageError(`--last "${last}" is none: give it as 60s or 2m`);
  const said = { targets, lastSecs: lastMicros / MICROS_PER_SECOND, by: whoAmI() };
  const record = await asked(storePath, said);
  if (record === undefined) return;
  if (record.file === undefined) {
    complain(`no packets: ${endText(record)}`);
    process.exitCode = EXIT.negative;
    return;
  }
  const response = await agentResponse(storePath, 'GET', `/api/v1/evidence/${record.id}/packets`, undefined, {
    timeoutMs: FETCH_MS,
  });
  if (response.statusCode !== 200) {
    response.resume();
    complain(
      `the agent put the packets aside and does not hand them out (${response.statusCode}): bridgewatch evidence ${record.id} -w FILE`,
    );
    process.exitCode = EXIT.world;
    return;
  }
  const { sha256, bytes, isReaderGone } = await writeOut(response, path);
  if (isReaderGone) return;
  report(record, path, bytes, json);
  if (sha256 === record.sha256) return;
  complain(
    `what came is not what was put aside (SHA-256 ${sha256}, not ${record.sha256}): bridgewatch evidence ${record.id} -w FILE`,
  );
  process.exitCode = EXIT.world;
}

/** Undefined when the agent said no, which is told here. */
async function asked(storePath: string, said: object): Promise<PublicEvidence | undefined> {
  try {
    const { status, json } = await agentRequest(storePath, 'POST', '/api/v1/evidence', said, {
      timeoutMs: ANSWER_MS,
    });
    if (status < 400) return parseRecord(printableJson(json)) as PublicEvidence;
    const { detail } = (json ?? {}) as { readonly detail?: unknown };
    complain(typeof detail === 'string' ? detail : `the agent answered ${status}`);
    process.exitCode = status === 400 ? EXIT.usage : status >= 500 ? EXIT.world : EXIT.negative;
    return undefined;
  } catch (error) {
    if (!(error instanceof AgentClientError) || error.code !== 'AGENT_AWAY') throw error;
    throw new AgentClientError(
      'AGENT_AWAY',
      `${error.message} Only a running agent remembers the last moments: start it (\`bridgewatch run\`), or capture from now on with --for`,
      { cause: error },
    );
  }
}

function report(record: PublicEvidence, path: string, bytes: number, json: boolean): void {
  if (path !== '-') writeSidecar(path, record);
  if (json) {
    printLine(printableJson(record));
    return;
  }
  complain(
    `${packetsText(record)} of ${record.networks.join(', ') || 'no network'}`,
    ...(path === '-' ? [] : [`${path}: ${formatBytes(bytes)}`]),
    `kept by the agent as evidence ${record.id}`,
    ...record.missing.map((line) => `not recorded: ${line}`),
  );
}

/** As a capture has it: one without it is whole. */
function writeSidecar(path: string, record: PublicEvidence): void {
  try {
    writeFileSync(`${path}.json`, `${printableJson(record)}\n`, { mode: 0o600 });
  } catch (error) {
    complain(`cannot write ${path}.json: ${error instanceof Error ? error.message : String(error)}`);
  }
}
