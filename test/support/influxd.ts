/**
 * A real influxd 1.x on loopback with a random port and a directory of its own, which goes with it. It is stopped by
 * its own process handle; nothing else on the machine is touched.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const INFLUXD_MISSING = ((): string | undefined => {
  try {
    execFileSync('influxd', ['version'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'influxd is not installed (Debian: influxdb)';
  }
})();

export interface InfluxdOptions {
  readonly auth?: boolean;
  /** Where data go instead of its own directory; it stays when the server is disposed of. */
  readonly dataDirectory?: string;
  /** Before the command line, as `nsenter` and the namespace it enters. */
  readonly prefix?: readonly string[];
}

export interface Influxd {
  readonly url: string;
  readonly port: number;
  /** Starts it (again) on the same port with the same data, and waits until it answers. */
  start(): Promise<void>;
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** InfluxQL straight over HTTP, past all code under test; one object a row, tags of a GROUP BY included. */
  query(influxql: string, options?: QueryOptions): Promise<Record<string, unknown>[]>;
  /** Sends lines straight over HTTP and returns the answer. */
  write(lines: string | Buffer, options?: QueryOptions): Promise<{ status: number; body: string }>;
  log(): string;
  /** Stops it and removes its directory. */
  dispose(): Promise<void>;
}

export interface QueryOptions {
  readonly database?: string;
  readonly username?: string;
  readonly password?: string;
}

/** Prepares a server without starting it: "down at start" is a case too. */
export async function prepareInfluxd(options: InfluxdOptions = {}): Promise<Influxd> {
  const directory = mkdtempSync(join(tmpdir(), 'bridgewatch-influxd-'));
  const port = await freePort();
  const backupPort = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const configPath = join(directory, 'influxdb.conf');
  const logPath = join(directory, 'influxd.log');
  const data = options.dataDirectory ?? directory;
  writeFileSync(configPath, configText(data, port, backupPort, options.auth ?? false));
  let child: ChildProcess | undefined;

  async function stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const running = child;
    child = undefined;
    if (running === undefined || running.exitCode !== null) return;
    const exited = once(running, 'exit');
    running.kill(signal);
    const hammer = setTimeout(() => running.kill('SIGKILL'), 10_000);
    await exited;
    clearTimeout(hammer);
  }

  async function start(): Promise<void> {
    const log = openSync(logPath, 'a');
    const [file = '', ...args] = [...(options.prefix ?? []), 'influxd', '-config', configPath];
    child = spawn(file, args, { stdio: ['ignore', log, log] });
    const deadline = Date.now() + 30_000;
    for (;;) {
      if (child.exitCode !== null)
        throw new Error(`influxd ended at once:\n${readFileSync(logPath, 'utf8')}`);
      const isUp = await fetch(`${url}/ping`).then(
        (reply) => reply.status === 204,
        () => false,
      );
      if (isUp) return;
      if (Date.now() > deadline) throw new Error('influxd did not answer within 30 s');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  return {
    url,
    port,
    start,
    stop,
    async query(influxql, query = {}) {
      const parameters = new URLSearchParams({ q: influxql, epoch: 'ns' });
      if (query.database !== undefined) parameters.set('db', query.database);
      const reply = await fetch(`${url}/query`, { method: 'POST', body: parameters, headers: basic(query) });
      return rowsOf(await reply.text());
    },
    async write(lines, query = {}) {
      const parameters = new URLSearchParams({ db: query.database ?? '', precision: 'ns' });
      const reply = await fetch(`${url}/write?${parameters}`, {
        method: 'POST',
        body: typeof lines === 'string' ? lines : new Uint8Array(lines),
        headers: basic(query),
      });
      return { status: reply.status, body: await reply.text() };
    },
    log: () => readFileSync(logPath, 'utf8'),
    async dispose() {
      await stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

export async function startInfluxd(options: InfluxdOptions = {}): Promise<Influxd> {
  const influxd = await prepareInfluxd(options);
  try {
    await influxd.start();
    return influxd;
  } catch (error) {
    await influxd.dispose();
    throw error;
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

function configText(directory: string, port: number, backupPort: number, auth: boolean): string {
  return `reporting-disabled = true
bind-address = "127.0.0.1:${backupPort}"
[meta]
  dir = "${directory}/meta"
[data]
  dir = "${directory}/data"
  wal-dir = "${directory}/wal"
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.0.1:${port}"
  auth-enabled = ${auth}
  log-enabled = false
`;
}

function basic(options: QueryOptions): Record<string, string> {
  if (options.username === undefined) return {};
  const token = Buffer.from(`${options.username}:${options.password ?? ''}`).toString('base64');
  return { authorization: `Basic ${token}` };
}

interface Answer {
  readonly error?: string;
  readonly results?: readonly {
    readonly error?: string;
    readonly series?: readonly {
      readonly tags?: Record<string, unknown>;
      readonly columns: readonly string[];
      /** Absent where a list is empty. */
      readonly values?: readonly (readonly unknown[])[];
    }[];
  }[];
}

/** Nanoseconds do not fit a double, so `time` is kept as its digits. */
function rowsOf(text: string): Record<string, unknown>[] {
  const answer = JSON.parse(text.replace(/\[(\d{19}),/g, '["$1",')) as Answer;
  const failure = answer.error ?? answer.results?.find(({ error }) => error !== undefined)?.error;
  if (failure !== undefined) throw new Error(failure);
  return (answer.results ?? []).flatMap(({ series = [] }) =>
    series.flatMap(({ tags, columns, values = [] }) =>
      values.map((row) => ({ ...tags, ...Object.fromEntries(columns.map((name, i) => [name, row[i]])) })),
    ),
  );
}
