/**
 * A real VictoriaMetrics on loopback with a random port and a directory of its own, which goes with it. It is stopped
 * by its own process handle; nothing else on the machine is touched.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './influxd.ts';

export const VICTORIAMETRICS_MISSING = ((): string | undefined => {
  try {
    execFileSync('victoria-metrics', ['-version'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'victoria-metrics is not installed (Debian: victoria-metrics)';
  }
})();

/** One series: its labels, `__name__` among them, and its samples. */
export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly values: readonly number[];
  /** Milliseconds. */
  readonly timestamps: readonly number[];
}

export interface VictoriaMetrics {
  readonly url: string;
  /** Everything that it holds of one name (`measurement_field`), straight over HTTP; all names without one. */
  series(name?: string): Promise<readonly Series[]>;
  /** Stops it and removes its directory. */
  dispose(): Promise<void>;
}

export interface VictoriaMetricsOptions {
  readonly username?: string;
  readonly password?: string;
  readonly flags?: readonly string[];
}

export async function startVictoriaMetrics(options: VictoriaMetricsOptions = {}): Promise<VictoriaMetrics> {
  const { username, password, flags = [] } = options;
  const directory = mkdtempSync(join(tmpdir(), 'bridgewatch-victoriametrics-'));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const logPath = join(directory, 'log');
  const log = openSync(logPath, 'a');
  const auth =
    username === undefined ? [] : [`-httpAuth.username=${username}`, `-httpAuth.password=${password}`];
  const headers: Record<string, string> =
    username === undefined
      ? {}
      : { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` };
  const child = spawn(
    'victoria-metrics',
    [
      `-storageDataPath=${join(directory, 'data')}`,
      `-httpListenAddr=127.0.0.1:${port}`,
      // Times of test records are fixed.
      '-retentionPeriod=100y',
      '-memory.allowedBytes=64MB',
      ...auth,
      ...flags,
    ],
    { stdio: ['ignore', log, log] },
  );

  async function dispose(): Promise<void> {
    if (child.exitCode === null && child.signalCode === null) {
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      const hammer = setTimeout(() => child.kill('SIGKILL'), 10_000);
      await exited;
      clearTimeout(hammer);
    }
    rmSync(directory, { recursive: true, force: true });
  }

  let asked = 0;
  const deadline = Date.now() + 30_000;
  for (;;) {
    const isUp = await fetch(`${url}/health`).then(
      (reply) => reply.ok,
      () => false,
    );
    if (isUp) break;
    if (child.exitCode !== null || Date.now() > deadline) {
      const said = readFileSync(logPath, 'utf8');
      await dispose();
      throw new Error(`victoria-metrics did not answer:\n${said}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }

  return {
    url,
    dispose,
    async series(name) {
      // It remembers for some seconds which series a selector chose, also that there were none: never ask twice alike.
      asked += 1;
      const match = `{__name__${name === undefined ? '!=""' : `="${name}"`}, db!="never-${asked}"}`;
      const reply = await fetch(
        `${url}/api/v1/export?${new URLSearchParams({ 'match[]': match, start: '1' })}`,
        {
          headers,
        },
      );
      const text = await reply.text();
      if (!reply.ok) throw new Error(text);
      return text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Series);
    },
  };
}
