/**
 * A real Alertmanager on loopback with a random port and a directory of its own, which goes with it. It is stopped by
 * its own process handle; nothing else on the machine is touched.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './influxd.ts';

export const ALERTMANAGER_MISSING = ((): string | undefined => {
  try {
    execFileSync('prometheus-alertmanager', ['--version'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'prometheus-alertmanager is not installed (Debian: prometheus-alertmanager)';
  }
})();

export interface StoredAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly startsAt: string;
  readonly endsAt: string;
  readonly status: { readonly state: string };
}

export interface Alertmanager {
  readonly url: string;
  /** Starts it (again) on the same port and waits until it answers. Alerts are in its memory only. */
  start(): Promise<void>;
  /** Without a chance to say good-bye. */
  kill(): Promise<void>;
  /** What it holds that is not resolved. */
  alerts(): Promise<readonly StoredAlert[]>;
  log(): string;
  dispose(): Promise<void>;
}

/** It notifies `receiverUrl` of all alerts, each a group of its own, at once. */
export async function startAlertmanager(receiverUrl: string): Promise<Alertmanager> {
  const directory = mkdtempSync(join(tmpdir(), 'bridgewatch-alertmanager-'));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const logPath = join(directory, 'alertmanager.log');
  writeFileSync(
    join(directory, 'alertmanager.yml'),
    `route: { receiver: test, group_by: ['...'], group_wait: 0s, group_interval: 1s, repeat_interval: 1h }
receivers: [{ name: test, webhook_configs: [{ url: '${receiverUrl}', send_resolved: true }] }]
`,
  );
  let child: ChildProcess | undefined;

  async function kill(): Promise<void> {
    const running = child;
    child = undefined;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    const exited = once(running, 'exit');
    running.kill('SIGKILL');
    await exited;
  }

  async function start(): Promise<void> {
    const log = openSync(logPath, 'a');
    child = spawn(
      'prometheus-alertmanager',
      [
        `--config.file=${join(directory, 'alertmanager.yml')}`,
        `--storage.path=${join(directory, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--cluster.listen-address=',
      ],
      { stdio: ['ignore', log, log] },
    );
    const deadline = Date.now() + 30_000;
    for (;;) {
      if (child.exitCode !== null)
        throw new Error(`Alertmanager ended at once:\n${readFileSync(logPath, 'utf8')}`);
      const isUp = await fetch(`${url}/-/ready`).then(
        (reply) => reply.ok,
        () => false,
      );
      if (isUp) return;
      if (Date.now() > deadline) throw new Error('Alertmanager did not answer within 30 s');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  const alertmanager: Alertmanager = {
    url,
    start,
    kill,
    alerts: async () => (await (await fetch(`${url}/api/v2/alerts`)).json()) as StoredAlert[],
    log: () => readFileSync(logPath, 'utf8'),
    async dispose() {
      await kill();
      rmSync(directory, { recursive: true, force: true });
    },
  };
  try {
    await start();
    return alertmanager;
  } catch (error) {
    await alertmanager.dispose();
    throw error;
  }
}
