/**
 * The agent as a user starts it, in the lab's Docker host: the built executable, its own configuration file, a
 * database in the lab's directory, InfluxDB on the host's loopback. And how to ask it: with its own commands.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { PublicFinding, PublicRecord } from '../../src/model/serialize.ts';
import { SHOP } from './app.ts';
import type { Lab } from './lab.ts';
import { type RunningProcess, waitFor } from './run.ts';

export const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));

export interface LabAgent {
  readonly process: RunningProcess;
  readonly configFile: string;
  /** Runs another command of the executable with the same configuration; its stdout. */
  ask(...args: readonly string[]): Promise<string>;
  /** Each finding once, as it is now. */
  findings(): Promise<PublicFinding[]>;
}

export interface AgentOptions {
  readonly influxUrl?: string;
  readonly onLine?: (line: string, stream: 'stdout' | 'stderr') => void;
}

const UPDATE_INTERVAL_SECS = 3;

/** The one place that knows how the agent is called. */
export function agentCommand(...args: readonly string[]): string[] {
  return [process.execPath, join(REPOSITORY, 'bin/bridgewatch'), ...args];
}

export async function startAgent(lab: Lab, options: AgentOptions = {}): Promise<LabAgent> {
  const dir = join(lab.dir, 'agent');
  mkdirSync(dir);
  const configFile = join(dir, 'config.yaml');
  const influx = options.influxUrl === undefined ? '' : `influxdb:\n  url: ${options.influxUrl}\n`;
  // By default a finding that goes on is told again only every minute; here each step is to be told.
  const findings = `findings:\n  update_interval_secs: ${UPDATE_INTERVAL_SECS}\n`;
  // The lab is about what is done to it; how it is set up is wrong on purpose, and its end is an audit that says so.
  const audit = 'audit:\n  enabled: false\n';
  writeFileSync(
    configFile,
    `store:\n  path: ${join(dir, 'state/bridgewatch.db')}\n${findings}${audit}${influx}`,
  );
  const agent = lab.spawn('host', agentCommand('run', '--config', configFile), {
    cwd: REPOSITORY,
    ...(options.onLine === undefined ? {} : { onLine: options.onLine }),
  });
  const ask = async (...args: readonly string[]): Promise<string> =>
    (await lab.exec('host', agentCommand(...args, '--config', configFile), { cwd: REPOSITORY })).stdout;
  const events = async (...args: readonly string[]): Promise<PublicRecord[]> =>
    readNdjson(await ask('events', '--json', ...args));
  const isCovered = (record: PublicRecord) =>
    record.kind === 'coverage' && record.network === SHOP.dataNetwork.name && record.state === 'covered';
  await waitFor(
    `the agent to watch ${SHOP.dataNetwork.name}`,
    async () => agent.running() && (await events('--all')).some(isCovered),
    { explain: agent.output },
  );
  return {
    process: agent,
    configFile,
    ask,
    findings: async () => (await events()).filter((record) => record.kind === 'finding'),
  };
}

function readNdjson(text: string): PublicRecord[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as PublicRecord);
}
