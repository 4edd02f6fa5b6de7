/**
 * A real nats-server on loopback with a random port and a directory of its own, which goes with it. It is stopped by its
 * own process handle; nothing else on the machine is touched.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import { type ConnectionOptions, connect } from '@nats-io/transport-node';
import { freePort } from './influxd.ts';

export const NATS_SERVER_MISSING = ((): string | undefined => {
  try {
    execFileSync('nats-server', ['--version'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'nats-server is not installed (Debian: nats-server)';
  }
})();

export interface NatsServerOptions {
  /** Default: on, kept in files. */
  readonly jetStream?: boolean;
  /** More of its configuration; `DIR` in it is its directory. */
  readonly config?: string;
  /** Called with its directory before it starts. */
  readonly setUp?: (directory: string) => void;
}

export interface StoredMessage {
  readonly subject: string;
  readonly id: string;
  readonly text: string;
}

export interface NatsServer {
  readonly url: string;
  readonly directory: string;
  /** Starts it (again) on the same port with the same data, and waits until it answers. */
  start(): Promise<void>;
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Holds it still, as a machine that hangs. */
  pause(): void;
  resume(): void;
  /** Past all code under test. */
  manage<T>(work: (manager: JetStreamManager) => Promise<T>, login?: ConnectionOptions): Promise<T>;
  /** Everything in a stream, in its order. */
  stored(stream: string, login?: ConnectionOptions): Promise<readonly StoredMessage[]>;
  log(): string;
  /** Stops it and removes its directory. */
  dispose(): Promise<void>;
}

export async function startNatsServer({
  jetStream = true,
  config = '',
  setUp = () => {},
}: NatsServerOptions = {}): Promise<NatsServer> {
  const directory = mkdtempSync(join(tmpdir(), 'bridgewatch-nats-'));
  const port = await freePort();
  const url = `nats://127.0.0.1:${port}`;
  const configPath = join(directory, 'nats.conf');
  const logPath = join(directory, 'nats.log');
  const store = jetStream ? `jetstream { store_dir: "${directory}/store" }\n` : '';
  setUp(directory);
  writeFileSync(configPath, `listen: "127.0.0.1:${port}"\n${store}${config.replaceAll('DIR', directory)}\n`);
  let child: ChildProcess | undefined;

  async function stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const running = child;
    child = undefined;
    if (running === undefined || running.exitCode !== null) return;
    const exited = once(running, 'exit');
    running.kill('SIGCONT');
    running.kill(signal);
    const hammer = setTimeout(() => running.kill('SIGKILL'), 5000);
    await exited;
    clearTimeout(hammer);
  }

  async function start(): Promise<void> {
    const log = openSync(logPath, 'a');
    const said = () => readFileSync(logPath, 'utf8').split('Server is ready').length;
    const before = said();
    child = spawn('nats-server', ['-c', configPath], { stdio: ['ignore', log, log] });
    const deadline = Date.now() + 10_000;
    while (said() === before) {
      if (child.exitCode !== null || Date.now() > deadline) {
        await stop('SIGKILL');
        throw new Error(`nats-server does not start:\n${readFileSync(logPath, 'utf8')}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async function manage<T>(
    work: (manager: JetStreamManager) => Promise<T>,
    login: ConnectionOptions = {},
  ): Promise<T> {
    const connection = await connect({ servers: url, reconnect: false, ...login });
    try {
      return await work(await jetstreamManager(connection));
    } finally {
      await connection.close();
    }
  }

  await start();
  return {
    url,
    directory,
    start,
    stop,
    pause: () => child?.kill('SIGSTOP'),
    resume: () => child?.kill('SIGCONT'),
    manage,
    stored: (stream, login) =>
      manage(async (manager) => {
        const { state } = await manager.streams.info(stream);
        const messages: StoredMessage[] = [];
        for (let seq = Math.max(1, state.first_seq); seq <= state.last_seq; seq++) {
          const message = await manager.streams.getMessage(stream, { seq });
          if (message === null) continue;
          const { subject, header } = message;
          messages.push({ subject, id: header.get('Nats-Msg-Id'), text: message.string() });
        }
        return messages;
      }, login),
    log: () => readFileSync(logPath, 'utf8'),
    async dispose() {
      await stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
