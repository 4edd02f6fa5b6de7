/** `bundle` and `bundle verify` through the real executable, with the system's own tools as judges. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Station } from '../../src/station/station.ts';
import { bridgewatch, NOT_BUILT, records, shell, unsafeText } from '../cli/support/bridgewatch.ts';
import { memoryLogger, stationConfig } from '../station/support/harness.ts';
import { engineChange, lease, SECOND } from '../station/support/leases.ts';
import { dns, endpoint, finding, flow, network, T0 } from '../station/support/records.ts';

if (NOT_BUILT !== undefined) console.error(`SKIPPED: bundles through the executable: ${NOT_BUILT}`);

const ID = '5c1d9a03b2e4f611';
const SECRET = 'MARKER5ecret';
/** Sets the title, erases, breaks the line, is markup: what a name can do to a terminal or a page. */
const HOSTILE =
  'x\u001b]0;owned\u0007\u009b31m\u202egnp\u2028\n<script>alert(1)</script>|](http://198.51.100.9)';
const PACKETS = Buffer.from('not really packets');
const CONFIG = `
influxdb:
  url: http://127.0.0.1:8086
  flavor: 3
  token: ${SECRET}1
sinks:
  - {type: webhook, name: chat, preset: slack, url: "https://hooks.slack.com/services/${SECRET}2"}
  - {type: webhook, url: "https://u:${SECRET}3@h.example/?t=${SECRET}4", headers: {X-Key: ${SECRET}5}, hmac_secret: ${SECRET}6}
  - {type: alertmanager, url: "http://u:${SECRET}7@127.0.0.1:9093", headers: {Authorization: ${SECRET}8}}
  - {type: nats, servers: ["nats://127.0.0.1:4222"], username: alice, password: ${SECRET}9}
`;

describe.skipIf(NOT_BUILT !== undefined)('bundle', () => {
  let world: string;
  let folder: string;
  let database: string;
  let bundled: Awaited<ReturnType<typeof bridgewatch>>;
  let archive: string;
  const bundle = (...args: readonly string[]) => bridgewatch(['bundle', ...args], { cwd: folder });
  const verify = (...args: readonly string[]) => bridgewatch(['bundle', 'verify', ...args], { cwd: folder });

  beforeAll(async () => {
    world = mkdtempSync(join(tmpdir(), 'bridgewatch-bundle-'));
    database = join(world, 'bridgewatch.db');
    writeFileSync(join(world, 'config.yaml'), CONFIG);
    const station = new Station(stationConfig(world), {
      logger: memoryLogger().logger,
      now: () => T0 + 3600 * SECOND,
    });
    await station.start();
    const evil = endpoint({ workload: { ...endpoint().workload!, name: HOSTILE, composeService: HOSTILE } });
    station.receive(engineChange('added', T0 - 3600 * SECOND));
    station.receive(lease(0, { workload: evil.workload! }));
    station.receive(
      finding(1, { id: ID, subject: evil, explanation: `${HOSTILE} went out`, network: HOSTILE }),
    );
    station.receive(flow(1, { orig: evil, network: { ...network, name: HOSTILE } }));
    station.receive(dns(1, { client: evil }));
    station.receive({
      ...{ kind: 'evidence', time: T0 + SECOND, id: 'e1', change: 'kept', cause: 'finding', finding: ID },
      ...{ analyzer: 'internal-egress', severity: 'high', networks: ['shop_data'], trigger: T0 },
      ...{
        first: T0,
        last: T0,
        packets: 1,
        bytes: PACKETS.length,
        file: 'e1.pcapng',
        end: 'whole',
        missing: [],
      },
      sha256: createHash('sha256').update(PACKETS).digest('hex'),
    });
    await station.stop();
    mkdirSync(join(world, 'evidence'), { recursive: true });
    writeFileSync(join(world, 'evidence', 'e1.pcapng'), PACKETS);
    folder = join(world, 'first');
    mkdirSync(folder);
    archive = join(folder, 'case.tar');
    bundled = await bundle(ID.slice(0, 8), '--db', database, '--config', '../config.yaml', '-o', 'case.tar');
  });

  beforeEach((context) => {
    folder = join(world, context.task.id);
    mkdirSync(folder);
  });

  afterAll(() => rmSync(world, { recursive: true, force: true }));

  it('says what is in it, how large it is, and the hash to note down', () => {
    expect([bundled.code, bundled.stderr]).toEqual([0, expect.any(String)]);
    expect(bundled.stdout).toBe('');
    expect(bundled.stderr).toMatch(/^bridgewatch: case\.tar: \d+ files, [\d.]+ KiB\n {2}README\.md {2}/);
    const sha256 = createHash('sha256').update(readFileSync(archive)).digest('hex');
    expect(bundled.stderr).toContain(`SHA-256 ${sha256}\n`);
    expect(unsafeText(bundled.stderr)).toBeUndefined();
    expect(readdirSync(join(world, 'first'))).toEqual(['case.tar']);
  });

  it('is opened by tar and by Python, passes sha256sum -c, and is what was put in', async () => {
    const listed = execFileSync('tar', ['-tf', archive], { encoding: 'utf8' }).trimEnd().split('\n');
    execFileSync('tar', ['-xf', archive, '-C', folder]);
    const [root] = readdirSync(folder) as [string];
    execFileSync('sha256sum', ['--strict', '-c', 'SHA256SUMS'], { cwd: join(folder, root) });

    expect(root).toMatch(/^bridgewatch-5c1d9a03b2e4f611-\d{8}T\d{6}Z$/);
    expect(listed[0]).toBe(`${root}/README.md`);
    expect(listed.slice(-2)).toEqual([`${root}/manifest.json`, `${root}/SHA256SUMS`]);
    expect(readFileSync(join(folder, root, 'evidence/e1.pcapng')).equals(PACKETS)).toBe(true);
    const whole = await verify(root);
    expect([whole.code, whole.stdout.slice(0, 4)]).toEqual([0, 'OK: ']);
    if (!existsSync('/usr/bin/python3')) {
      console.error('SKIPPED: a bundle opened by Python: there is no /usr/bin/python3');
      return;
    }
    const script = 'import sys, tarfile; print("\\n".join(tarfile.open(sys.argv[1]).getnames()))';
    const python = execFileSync('/usr/bin/python3', ['-c', script, archive], { encoding: 'utf8' });
    expect(python.trimEnd().split('\n')).toEqual(listed);
  });

  it('has no secret of the configuration in it, and the rest of that', () => {
    const text = readFileSync(archive, 'latin1');

    expect(text).not.toContain(SECRET);
    expect(text.match(/"\(left out\)"/g)).toHaveLength(8);
    expect(text).toContain('"flavor": 3');
  });

  it('has names from the wire that do nothing: to a terminal, a page, a table', () => {
    execFileSync('tar', ['-xf', archive, '-C', folder]);
    const [root] = readdirSync(folder) as [string];
    const files = readdirSync(join(folder, root), { recursive: true, encoding: 'utf8' });

    for (const file of files.filter((name) => /\.(md|json|ndjson|html)$/.test(name))) {
      const text = readFileSync(join(folder, root, file), 'utf8');
      expect(unsafeText(text), file).toBeUndefined();
      if (/\.(md|html)$/.test(file)) expect(text, file).not.toContain('<script>');
      if (file.endsWith('.md')) expect(text, file).not.toContain('](http://198');
    }
  });

  it('is verified by its hash, and one changed byte is found wherever the archive comes from', async () => {
    const sha256 = createHash('sha256').update(readFileSync(archive)).digest('hex');
    const changed = readFileSync(archive);
    changed[changed.indexOf('not really packets')]! ^= 1;
    writeFileSync(join(folder, 'changed.tar'), changed);

    const [good, bad, piped, otherHash] = await Promise.all([
      verify(archive, '--sha256', sha256),
      verify('changed.tar', '--json'),
      shell(`bridgewatch bundle verify - < "$1"`, [join(folder, 'changed.tar')]),
      verify(archive, '--sha256', '0'.repeat(64)),
    ]);

    expect([good.code, good.stdout]).toEqual([0, expect.stringContaining('whose SHA-256 was noted down')]);
    expect(bad.code).toBe(1);
    expect(records(bad.stdout)).toMatchObject([
      { kind: 'bundle-check', ok: false, problems: [{ problem: 'changed', path: 'evidence/e1.pcapng' }] },
    ]);
    expect([piped.code, piped.stdout.split('\n')[1]]).toEqual([
      1,
      expect.stringMatching(/^ {2}changed {2}evidence\/e1\.pcapng/),
    ]);
    expect([otherHash.code, otherHash.stdout]).toEqual([
      1,
      expect.stringContaining('it is not the archive that'),
    ]);
  });

  it('goes to a pipe, and ends quietly when nobody reads it', async () => {
    const [whole, cut] = await Promise.all([
      shell('bridgewatch bundle "$1" --db "$2" -o - | bridgewatch bundle verify -', [ID, database]),
      shell('bridgewatch bundle "$1" --db "$2" -o - 2>/dev/null | head -c 9', [ID, database]),
    ]);

    expect([whole.code, whole.stdout]).toEqual([0, expect.stringMatching(/^OK: - is unchanged/)]);
    expect([cut.code, cut.stdout]).toEqual([0, 'README.md']);
  });

  it('is signed with a key of OpenSSL, which checks the signature itself', async () => {
    const openssl = (...args: readonly string[]) =>
      execFileSync('openssl', args, { cwd: folder, encoding: 'utf8' });
    openssl('genpkey', '-algorithm', 'ed25519', '-out', 'key.pem');
    openssl('pkey', '-in', 'key.pem', '-pubout', '-out', 'key.pub');
    await bundle(ID, '--db', database, '-o', 'signed.tar', '--sign-key', 'key.pem');
    execFileSync('tar', ['-xf', 'signed.tar', '--strip-components=1'], { cwd: folder });

    const [checked, unsigned] = await Promise.all([
      verify('signed.tar', '--key', 'key.pub'),
      verify(archive, '--key', 'key.pub'),
    ]);

    const signature = ['-in', 'SHA256SUMS', '-sigfile', 'SHA256SUMS.sig'];
    expect(openssl('pkeyutl', '-verify', '-rawin', '-pubin', '-inkey', 'key.pub', ...signature)).toMatch(
      /Success/,
    );
    expect([checked.code, checked.stdout]).toEqual([
      0,
      expect.stringContaining('signed with the key that was given'),
    ]);
    expect(unsigned.code).toBe(1);
  });

  it('is refused with the reason, and leaves nothing', async () => {
    const asked = [
      [['verify', 'nothing.tar'], 3, 'nothing.tar: there is nothing of that name'],
      [['verify', '.', '--sha256', '0'.repeat(64)], 2, 'this is a folder: give the archive'],
      [['0123456789abcdef', '--db', database], 2, 'no finding 0123456789abcdef is recorded'],
      [[ID, '--db', database, '-o', '/nowhere/x.tar'], 3, 'its folder does not exist'],
      [[ID, '--db', database, '--max-bytes', '10kB'], 2, 'at least 100kB'],
    ] as const;

    const ran = await Promise.all(asked.map(([args]) => bundle(...args)));

    expect(ran.map(({ code, stderr }) => [code, stderr])).toEqual(
      asked.map(([, code, words]) => [code, expect.stringContaining(words)]),
    );
    expect(readdirSync(folder)).toEqual([]);
  });
});
