/**
 * From an alert to its packets on a real engine, through the executable: a scan in a container's namespace, the finding, and
 * the capture in the agent's evidence folder, which has the first probe and opens in tshark without a warning.
 */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openFile } from '../../capture/file.ts';
import { type PublicEvidence, type PublicFinding, parseRecord } from '../../src/model/serialize.ts';
import { agentCommand, REPOSITORY } from '../lab/agent.ts';
import { BUSYBOX_IMAGE, importBusybox } from '../lab/images.ts';
import { createLab, type Lab, labObstacle } from '../lab/lab.ts';
import { type RunningProcess, waitFor } from '../lab/run.ts';
import { collect } from '../support/frames.ts';

const built = existsSync(join(REPOSITORY, 'dist/src/cli/main.js'));
const obstacle =
  labObstacle(['tshark', 'nmap']) ?? (built ? undefined : 'the agent is not built (`make build`)');
if (obstacle !== undefined) console.warn(`SKIPPED: evidence on a real engine: ${obstacle}`);

const DATA = { name: 'shop_data', subnet: '172.30.53.0/24', gateway: '172.30.53.1' };
const SCANNER = '172.30.53.2';
const TARGET = '172.30.53.3';
const FIRST_PORT = 101;
const PORTS = 60;
const TCP = 6;
const AFTER_SECS = 3;
/** From the alert to its packets on the disk. */
const WITHIN_MS = 2000;

describe.skipIf(obstacle !== undefined)('evidence', () => {
  let lab: Lab;
  let agent: RunningProcess;
  let config: string;
  let folder: string;
  let alert: { readonly finding: PublicFinding; readonly at: number } | undefined;

  beforeAll(async () => {
    lab = await createLab();
    await importBusybox(lab);
    const { name, subnet, gateway } = DATA;
    await lab.docker(['network', 'create', '--internal', '--subnet', subnet, '--gateway', gateway, name]);
    for (const [container, ip] of [
      ['scanner', SCANNER],
      ['target', TARGET],
    ] as const)
      await lab.docker([
        ...['run', '-d', '--network', name, '--ip', ip, '--name', container],
        ...[BUSYBOX_IMAGE, 'sleep', '600'],
      ]);
    const dir = join(lab.dir, 'agent');
    mkdirSync(dir);
    config = join(dir, 'config.yaml');
    folder = join(dir, 'evidence');
    writeFileSync(
      config,
      `store:\n  path: ${join(dir, 'bridgewatch.db')}\nevidence:\n  after_secs: ${AFTER_SECS}\n  min_severity: low\n`,
    );
    agent = lab.spawn('host', agentCommand('run', '--json', '--config', config), {
      cwd: REPOSITORY,
      onLine(line, stream) {
        if (stream !== 'stdout' || alert !== undefined) return;
        const record = parseRecord(line);
        if (record?.kind === 'finding' && record.analyzer === 'port-scan')
          alert = { finding: record, at: performance.now() };
      },
    });
    await waitFor('the network to be watched', async () => (await ask('events', '--all')).includes(name), {
      explain: agent.output,
    });
  });

  afterAll(async () => {
    await lab?.stop();
  });

  const ask = async (...args: readonly string[]): Promise<string> =>
    (await lab.exec('host', agentCommand(...args, '--json', '--config', config), { cwd: REPOSITORY })).stdout;

  /** Ports that were tried, by what lies in the folder now, finished or not. */
  async function portsOnDisk(): Promise<number[]> {
    const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.includes('.pcapng')) : [];
    const ports: number[] = [];
    for (const name of names) {
      const { frames } = await collect(await openFile({ path: join(folder, name) }));
      // Without VLAN tags and IP options the destination port lies there.
      ports.push(...frames.filter(({ data }) => data[23] === TCP).map(({ data }) => data.readUInt16BE(36)));
    }
    return ports;
  }

  it('has the first probe of a scan on the disk within two seconds of the alert, and then as a whole file', async () => {
    const pid = await lab.docker(['inspect', '--format', '{{.State.Pid}}', 'scanner']);
    const ports = `${FIRST_PORT}-${FIRST_PORT + PORTS - 1}`;
    const scan = lab.exec('host', [
      ...['nsenter', `--net=/proc/${pid.trim()}/ns/net`],
      ...[
        'nmap',
        '-n',
        '-Pn',
        '-r',
        '-sS',
        '-p',
        ports,
        '--max-retries',
        '0',
        '--scan-delay',
        '20ms',
        TARGET,
      ],
    ]);

    await waitFor('the alert', () => alert !== undefined, { explain: agent.output, everyMs: 20 });
    await waitFor('its first probe on the disk', async () => (await portsOnDisk()).includes(FIRST_PORT), {
      explain: agent.output,
      everyMs: 20,
    });
    const tookMs = performance.now() - alert!.at;
    await scan;
    let records: PublicEvidence[] = [];
    await waitFor(
      'the whole file',
      async () => {
        const lines = (await ask('events', '--all', 'kind:evidence'))
          .split('\n')
          .filter((line) => line !== '');
        records = lines.map((line) => parseRecord(line) as PublicEvidence);
        return records.length > 0;
      },
      { explain: agent.output },
    );

    expect(tookMs).toBeLessThan(WITHIN_MS);
    const { finding } = alert!;
    expect(records).toMatchObject([
      { finding: finding.id, cause: 'finding', end: 'whole', networks: [DATA.name], change: 'kept' },
    ]);
    const path = join(folder, records[0]!.file!);
    const fields = ['ip.src', 'tcp.dstport', 'tcp.flags.syn', 'frame.interface_description'];
    const { stdout, stderr } = await lab.exec('host', [
      ...['tshark', '-n', '-r', path, '-Y', `tcp && ip.src == ${SCANNER}`, '-T', 'fields'],
      ...fields.flatMap((field) => ['-e', field]),
    ]);
    const rows = stdout
      .trim()
      .split('\n')
      .map((line) => line.split('\t'));
    expect(stderr.replace(/^Running as user .*\n/, '')).toBe('');
    expect(rows[0]).toEqual([
      SCANNER,
      String(FIRST_PORT),
      expect.stringMatching(/^(1|True)$/),
      expect.stringContaining(`docker network ${DATA.name}`),
    ]);
    expect(new Set(rows.map(([, port]) => port)).size).toBe(PORTS);
  });
});
