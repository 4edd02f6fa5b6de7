/**
 * A real Prometheus on loopback with a random port and a directory of its own, which goes with it. It is stopped by
 * its own process handle; nothing else on the machine is touched.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './influxd.ts';

export const PROMETHEUS_MISSING = ((): string | undefined => {
  try {
    for (const program of ['prometheus', 'promtool'])
      execFileSync(program, ['--version'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'prometheus and promtool are not installed (Debian: prometheus)';
  }
})();

export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Prometheus {
  query(promql: string): Promise<readonly Series[]>;
  /** What went wrong at the last scrape; empty when nothing did. */
  lastError(): Promise<string>;
  dispose(): Promise<void>;
}

/** It scrapes the port of 127.0.0.1 five times a second. */
export async function startPrometheus(target: number): Promise<Prometheus> {
  const directory = mkdtempSync(join(tmpdir(), 'bridgewatch-prometheus-'));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const logPath = join(directory, 'prometheus.log');
  writeFileSync(
    join(directory, 'prometheus.yml'),
    `global: { scrape_interval: 200ms, scrape_timeout: 200ms }
scrape_configs: [{ job_name: bridgewatch, static_configs: [{ targets: ['127.0.0.1:${target}'] }] }]
`,
  );
  const log = openSync(logPath, 'a');
  const child: ChildProcess = spawn(
    'prometheus',
    [
      `--config.file=${join(directory, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(directory, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: ['ignore', log, log] },
  );
  const prometheus: Prometheus = {
    async query(promql) {
      const answer = await ask(`${url}/api/v1/query?query=${encodeURIComponent(promql)}`);
      return answer.data.result.map(
        ({ metric, value }: { metric: Series['metric']; value: [number, string] }) => ({
          metric,
          value: Number(value[1]),
        }),
      );
    },
    async lastError() {
      return (await ask(`${url}/api/v1/targets`)).data.activeTargets[0]?.lastError ?? 'not scraped yet';
    },
    async dispose() {
      if (child.exitCode === null && child.signalCode === null) {
        const exited = once(child, 'exit');
        child.kill('SIGKILL');
        await exited;
      }
      rmSync(directory, { recursive: true, force: true });
    },
  };
  const deadline = Date.now() + 30_000;
  for (;;) {
    const isUp = await fetch(`${url}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isUp) return prometheus;
    if (child.exitCode !== null || Date.now() > deadline) {
      const said = readFileSync(logPath, 'utf8');
      await prometheus.dispose();
      throw new Error(`Prometheus does not start:\n${said}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

// biome-ignore lint/suspicious/noExplicitAny: answers of Prometheus' API, of which a test looks at little.
async function ask(url: string): Promise<any> {
  return (await fetch(url)).json();
}

/** Exit code and all that was said. */
export function promtool(
  args: readonly string[],
  input?: string,
): { readonly code: number | null; readonly said: string } {
  const { status, stdout, stderr } = spawnSync('promtool', args, { encoding: 'utf8', input });
  return { code: status, said: `${stdout}${stderr}`.trim() };
}
