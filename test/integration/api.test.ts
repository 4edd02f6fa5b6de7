/**
 * The API of the station as the process that `run` makes of it: the examples of docs/api.md as they stand there, run by a
 * shell; only the paths and the port are the test's.
 */
import { execFile, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StationLink } from '../../src/channel/station-link.ts';
import { StationProcess } from '../../src/channel/station-process.ts';
import { giveStore, unprivilegedCommand } from '../../src/channel/unprivileged.ts';
import type { EvidenceRequest } from '../../src/model/evidence.ts';
import { REPOSITORY } from '../lab/agent.ts';
import { collection } from '../station/evidence/support.ts';
import { memoryLogger, until } from '../station/support/harness.ts';
import { coverage, finding, flow } from '../station/support/records.ts';

const MAIN = join(REPOSITORY, 'dist/src/cli/main.js');
const canRun = existsSync(MAIN) && spawnSync('curl', ['--version']).status === 0;
if (!canRun)
  console.warn(
    'SKIPPED: the API of the executable: the agent is not built (`make build`), or there is no curl',
  );

const PAGE = readFileSync(join(REPOSITORY, 'docs/api.md'), 'utf8');

describe.skipIf(!canRun)('the API of the executable', () => {
  let dir: string;
  let storePath: string;
  let port: number;
  let child: StationProcess;
  let user: { readonly uid: number } | undefined;

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'bridgewatch-api-'));
    chmodSync(dir, 0o755);
    storePath = join(dir, 'state/bridgewatch.db');
    port = await freePort();
    const command = unprivilegedCommand({
      file: process.execPath,
      args: [MAIN, 'station'],
      users: ['nobody'],
      storePath,
      uid: process.getuid?.(),
    });
    user = command.user;
    if (command.user !== undefined) giveStore(storePath, command.user);
    let isWelcome = false;
    const problems: string[] = [];
    /** As a sensor would that remembers a few packets. */
    const remember = ({ request }: EvidenceRequest) => {
      const { all } = collection({ id: 'asked-1', cause: { kind: 'request', request } });
      for (const piece of all) link.sendEvidence(piece);
    };
    const link: StationLink = new StationLink({
      run: 'run-of-the-test',
      config: {
        store: { path: storePath },
        influxdb: {},
        sinks: [],
        api: { listen: `127.0.0.1:${port}` },
        log: { level: 'error' },
      },
      json: true,
      onMessage: (message) => {
        if (message.type === 'failed') problems.push(...message.lines);
        else if (message.type === 'collect') remember(message.request);
        else isWelcome = true;
      },
      onNonsense: () => problems.push('nonsense'),
    });
    child = new StationProcess({
      command,
      link,
      pauses: { firstMs: 50, maxMs: 200 },
      log: memoryLogger().logger,
      onStillborn: (how) => problems.push(how),
    });
    child.start();
    await until('a word of the station', () => isWelcome || problems.length > 0, 15_000);
    expect(problems).toEqual([]);
    const now = Date.now() * 1000;
    link.send(finding(1, { severity: 'high', firstSeen: now, lastSeen: now }));
    link.send(coverage(1));
    link.send(flow(1));
    for (const piece of collection({ id: 'e-1' }).all) link.sendEvidence(piece);
    await until('the socket', () => existsSync(`${storePath}.sock`), 15_000);
    await until('the finding', async () => (await get('findings')).items.length === 1, 15_000);
    await until('its packets', async () => (await get('evidence')).items.length === 1, 15_000);
  });

  afterAll(async () => {
    await child?.stop(10_000);
    rmSync(dir, { recursive: true, force: true });
  });

  async function get(path: string): Promise<{ readonly items: readonly { readonly id: string }[] }> {
    return JSON.parse(
      await shell(`curl -sS --unix-socket ${storePath}.sock 'http://localhost/api/v1/${path}'`),
    );
  }

  it('answers each example of docs/api.md', async () => {
    const blocks = [...PAGE.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block]) => block!);
    const examples = blocks.flatMap((block) => {
      const setting = /^(?:[A-Z_]+=.*\n)+/.exec(block)?.[0] ?? '';
      return block
        .slice(setting.length)
        .split(/\n(?=#|curl)/)
        .filter((part) => part.includes('curl'))
        .map((part) => ours(`${setting}${part}`));
    });
    expect(examples.length).toBeGreaterThan(6);

    for (const example of examples) expect(await shell(example, dir), example).toMatch(/^(?:\{|$)/);
  });

  it("has a socket and a token that are the station user's alone", () => {
    for (const path of [`${storePath}.sock`, join(dir, 'state/api-token')]) {
      const { mode, uid } = statSync(path);
      expect([path, mode & 0o777, uid]).toEqual([path, 0o600, user?.uid ?? process.getuid?.()]);
    }
  });

  it('serves docs/openapi.json, though only dist/ is there', async () => {
    const served = await shell(`curl -sS http://127.0.0.1:${port}/api/v1/openapi.json`);

    expect(served === readFileSync(join(REPOSITORY, 'docs/openapi.json'), 'utf8')).toBe(true);
  });

  it('tells the findings that the sensor told the station', async () => {
    expect((await get('findings?severity=high')).items.map(({ id }) => id)).toEqual([finding(1).id]);
    expect((await get('findings?severity=critical')).items).toEqual([]);
  });

  function ours(script: string): string {
    return script
      .replaceAll('/var/lib/bridgewatch/bridgewatch.db.sock', `${storePath}.sock`)
      .replaceAll('/var/lib/bridgewatch/api-token', join(dir, 'state/api-token'))
      .replaceAll('127.0.0.1:9477', `127.0.0.1:${port}`);
  }
});

async function shell(script: string, cwd?: string): Promise<string> {
  const { stdout } = await promisify(execFile)('sh', ['-c', script], { cwd, timeout: 20_000 });
  return stdout;
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
