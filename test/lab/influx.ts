/**
 * A real influxd 1.x in the lab's Docker host, on its loopback. It also listens on a unix socket in the lab's
 * directory, so that a test outside can ask it with InfluxQL without entering anything.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import type { Lab } from './lab.ts';
import { type RunningProcess, waitFor } from './run.ts';

export interface InfluxServer {
  readonly process: RunningProcess;
  /** For programs in the lab's host. */
  readonly url: string;
  /** Runs InfluxQL; each row as an object of its columns, tags of a GROUP BY merged in. */
  query(influxql: string, database?: string): Promise<InfluxRow[]>;
}

export type InfluxRow = Readonly<Record<string, string | number | boolean | null>>;

interface InfluxAnswer {
  readonly error?: string;
  readonly results?: readonly {
    readonly error?: string;
    readonly series?: readonly {
      readonly columns: readonly string[];
      /** Absent when a series is empty. */
      readonly values?: readonly (readonly (string | number | boolean | null)[])[];
      readonly tags?: Readonly<Record<string, string>>;
    }[];
  }[];
}

export async function startInflux(lab: Lab): Promise<InfluxServer> {
  const dir = join(lab.dir, 'influx');
  mkdirSync(dir);
  const socket = join(lab.dir, 'influx.sock');
  const config = join(dir, 'influxdb.conf');
  writeFileSync(
    config,
    `reporting-disabled = true
bind-address = "127.0.0.1:8088"
[meta]
  dir = "${dir}/meta"
[data]
  dir = "${dir}/data"
  wal-dir = "${dir}/wal"
[http]
  bind-address = "127.0.0.1:8086"
  log-enabled = false
  unix-socket-enabled = true
  bind-socket = "${socket}"
[monitor]
  store-enabled = false
`,
  );
  const server = lab.spawn('host', ['influxd', '-config', config]);
  const query = (influxql: string, database = ''): Promise<InfluxRow[]> => ask(socket, influxql, database);
  await waitFor('influxd to answer', async () => {
    if (!server.running()) throw new Error(server.output());
    await query('SHOW DATABASES');
    return true;
  });
  return { process: server, url: 'http://127.0.0.1:8086', query };
}

function ask(socketPath: string, influxql: string, database: string): Promise<InfluxRow[]> {
  const path = `/query?${new URLSearchParams({ q: influxql, db: database })}`;
  return new Promise((resolve, reject) => {
    const req = request({ socketPath, path, method: 'POST', timeout: 10_000 }, (res) => {
      let body = '';
      res.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
      });
      res.on('end', () => {
        try {
          resolve(rows(JSON.parse(body) as InfluxAnswer));
        } catch (error) {
          reject(new Error(`InfluxQL \`${influxql}\` failed: ${(error as Error).message}`));
        }
      });
    });
    req.on('error', reject);
    req.on('timeout', () => req.destroy(new Error('influxd did not answer within 10 s')));
    req.end();
  });
}

function rows(answer: InfluxAnswer): InfluxRow[] {
  const error = answer.error ?? answer.results?.find((result) => result.error !== undefined)?.error;
  if (error !== undefined) throw new Error(error);
  const series = (answer.results ?? []).flatMap((result) => result.series ?? []);
  return series.flatMap(({ columns, values = [], tags }) =>
    values.map((row) => ({
      ...tags,
      ...Object.fromEntries(columns.map((column, i) => [column, row[i] ?? null])),
    })),
  );
}
