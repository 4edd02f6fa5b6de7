/**
 * The agent as a process in the lab, for tests that start, stop and kill it: its log as objects, its database read
 * directly, so that a question costs milliseconds and the time of an answer can be measured.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RecordKind } from '../../src/model/record.ts';
import { type PublicFinding, type PublicOf, parseRecord } from '../../src/model/serialize.ts';
import { openStoreReadOnly, type StoredRecord, type StoreReader } from '../../src/station/store/reader.ts';
import { agentCommand, REPOSITORY } from '../lab/agent.ts';
import type { Lab } from '../lab/lab.ts';
import { type RunningProcess, type RunResult, waitFor } from '../lab/run.ts';

export interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** pino's number. */
export const WARN = 40;

/**
 * What it warned of, or worse. A checkout, or a node, in a folder that is closed to others is no fault of the agent: its
 * station stays root then, and it says so.
 */
export function complaints(log: readonly LogLine[]): LogLine[] {
  const isClosedCheckout = ({ notice }: LogLine) =>
    typeof notice === 'string' && notice.includes('may not enter');
  return log.filter((line) => line.level >= WARN && !isClosedCheckout(line));
}

export interface AgentProcess {
  readonly process: RunningProcess;
  readonly configFile: string;
  readonly storePath: string;
  /** What it logged so far. */
  readonly log: readonly LogLine[];
  /** Lines on stdout or stderr that are no log. */
  readonly plainOutput: readonly string[];
  /** Another command of the executable with the same configuration. Any exit code is an answer. */
  command(...args: readonly string[]): Promise<RunResult>;
  /** Everything stored of these kinds, oldest first. */
  stored<K extends RecordKind>(...kinds: readonly K[]): PublicOf<K>[];
  /** Each finding once, as it is now. */
  findings(): PublicFinding[];
  /** Each record that was written of this finding. */
  history(id: string): PublicFinding[];
  kill(): Promise<void>;
  /** Closes what was opened for reading. */
  close(): void;
}

export interface AgentProcessOptions {
  readonly influxUrl?: string | undefined;
  readonly args?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** More lines of its configuration (YAML). */
  readonly config?: string;
  /** Before the command line: `setpriv` and what it takes away. */
  readonly prefix?: readonly string[];
}

/** `name` is the directory of its database: the same name again finds what the last one left. */
export async function startAgentProcess(
  lab: Lab,
  name: string,
  { influxUrl, args = [], env = {}, config = '', prefix = [] }: AgentProcessOptions = {},
): Promise<AgentProcess> {
  const dir = join(lab.dir, name);
  mkdirSync(dir, { recursive: true });
  const configFile = join(dir, 'config.yaml');
  const storePath = join(dir, 'state/bridgewatch.db');
  const influx = influxUrl === undefined ? '' : `influxdb:\n  url: ${influxUrl}\n`;
  // Two agents in one lab would stand in each other's way at the port; the socket is each one's own.
  const api = /^api:/m.test(config) ? '' : "api:\n  listen: 'off'\n";
  // Busy worlds are audited by the tests that are about audits; to all others their findings would be noise.
  const audit = /^audit:/m.test(config) ? '' : 'audit:\n  enabled: false\n';
  writeFileSync(
    configFile,
    `store:\n  path: ${storePath}\nfindings:\n  update_interval_secs: 1\nflows:\n  rollup_secs: 2\n${api}${audit}${influx}${config}`,
  );
  const log: LogLine[] = [];
  const plainOutput: string[] = [];
  const agent = lab.spawn('host', [...prefix, ...agentCommand('run', '--config', configFile, ...args)], {
    cwd: REPOSITORY,
    env,
    onLine: (line, stream) => {
      if (stream === 'stderr' && line.startsWith('{')) log.push(JSON.parse(line) as LogLine);
      else plainOutput.push(line);
    },
  });
  await waitFor(
    'the agent to run',
    () => {
      if (!agent.running()) throw new Error(`the agent ended: ${agent.output().trim()}`);
      return log.some(({ msg }) => msg === 'bridgewatch runs') && existsSync(storePath);
    },
    { timeoutMs: 30_000 },
  );
  const reader = await openStoreReadOnly(storePath);
  return {
    process: agent,
    configFile,
    storePath,
    log,
    plainOutput,
    command: (...command) =>
      lab.exec('host', [...prefix, ...agentCommand(...command, '--config', configFile)], {
        cwd: REPOSITORY,
        accept: 'any',
      }),
    stored: (...kinds) => kinds.flatMap((kind) => select(reader, kind)),
    findings: () => parsed(reader.queryFindings(ALL)),
    history: (id) => parsed(reader.queryFindings({ ...ALL, id, history: true })),
    async kill() {
      agent.child.kill('SIGKILL');
      await agent.exited;
    },
    close: () => reader.close(),
  };
}

const ALL = { limit: 1_000_000 };

function select<K extends RecordKind>(reader: StoreReader, kind: K): PublicOf<K>[] {
  if (kind === 'flow') return parsed(reader.queryFlows(ALL));
  if (kind === 'dns') return parsed(reader.queryDns(ALL));
  return parsed(reader.queryEvents({ ...ALL, kinds: [kind] }));
}

function parsed<K extends RecordKind>(rows: readonly StoredRecord[]): PublicOf<K>[] {
  return rows.map(({ text }) => parseRecord(text) as PublicOf<K>);
}
