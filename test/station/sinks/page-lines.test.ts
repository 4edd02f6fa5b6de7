/** The examples of docs/sinks.md for sinks that write lines and messages are run as they stand there. */
import { createSocket } from 'node:dgram';
import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { createSink, sinksConfig } from '../../../src/station/sinks/index.ts';
import type { Sink } from '../../../src/station/sinks/sink.ts';
import { makeCertificates, OPENSSL_MISSING } from '../../support/certificates.ts';
import { entryOf, memoryLogger, temporaryDirectory, until } from '../support/harness.ts';
import { finding, T0 } from '../support/records.ts';
import { startSyslogPeer } from '../support/syslog-peer.ts';

const PAGE = readFileSync(new URL('../../../docs/sinks.md', import.meta.url), 'utf8');
const never = new AbortController().signal;

type Example = Readonly<Record<string, unknown>>;

function examplesOf(section: string): readonly Example[] {
  const text = PAGE.split(/^## /m).find((part) => part.startsWith(`${section}\n`)) ?? '';
  const [, yaml] = /^```yaml\n([\s\S]*?)^```$/m.exec(text)!;
  return (parse(yaml!) as { sinks: readonly Example[] }).sinks;
}

let directory: ReturnType<typeof temporaryDirectory>;
let sink: Sink | undefined;

beforeEach(() => {
  directory = temporaryDirectory();
});

afterEach(async () => {
  await sink?.close();
  sink = undefined;
  directory.remove();
});

/** `over`: where it goes here; all else as on the page. */
async function write(example: Example, over: Example): Promise<void> {
  const config = sinksConfig.parse([{ ...example, ...over }])[0]!;
  sink = createSink(config, {
    logger: memoryLogger().logger,
    host: 'host1',
    version: '1.2.3',
    now: () => T0,
  });
  await sink.prepare(never);
  await sink.write([entryOf(finding(1))], never);
}

describe('the examples of docs/sinks.md', () => {
  it.each(examplesOf('file').map((example) => [example['path'] as string, example] as const))(
    'write %s',
    async (page, example) => {
      const path = join(directory.path, basename(page));

      await write(example, { path });

      const text = readFileSync(path, 'utf8');
      if (example['format'] === 'cef') expect(text).toMatch(/^CEF:0\|.*\n$/);
      else expect(JSON.parse(text)).toMatchObject({ kind: 'finding', id: 'f-1' });
      expect(existsSync(page)).toBe(false);
    },
  );

  const [overTls, overTcp, overUdp] = examplesOf('syslog');

  it.skipIf(OPENSSL_MISSING !== undefined)('send over TLS', async () => {
    const files = makeCertificates(directory.path, { serverName: 'logs.example' });
    const peer = await startSyslogPeer({
      cert: files.read('server.pem'),
      key: files.read('server.key'),
      ca: files.read('ca.pem'),
      requestCert: true,
      rejectUnauthorized: true,
    });
    const local = Object.fromEntries(
      ['ca_file', 'cert_file', 'key_file'].map((option) => [
        option,
        files.path(basename(overTls![option] as string)),
      ]),
    );

    await write(overTls!, { port: peer.port, ...local });

    await until('it', () => peer.messages.length === 1);
    expect(peer.messages[0]).toMatch(
      / bridgewatch - \S+ \[bridgewatch@32473 kind="finding" id="f-1" .*\] \{"kind":"finding"/,
    );
    await peer.close();
  });

  it('send CEF over TCP', async () => {
    const peer = await startSyslogPeer();

    await write(overTcp!, { port: peer.port, min_severity: 'informational' });

    await until('it', () => peer.messages.length === 1);
    // local4 is 20: 160 and more.
    expect(peer.messages[0]).toMatch(/^<16\d>1 .*\] CEF:0\|/);
    await peer.close();
  });

  it('send over UDP', async () => {
    const messages: Buffer[] = [];
    const server = createSocket('udp4', (message) => messages.push(message));
    await new Promise<void>((resolve) => server.bind(0, '127.0.0.1', resolve));

    await write(overUdp!, { port: server.address().port });

    await until('it', () => messages.length === 1);
    expect(messages[0]!.length).toBeLessThanOrEqual(2048);
    server.close();
  });
});

if (OPENSSL_MISSING !== undefined) console.warn(`*** SKIPPED page-lines.test.ts, TLS: ${OPENSSL_MISSING}`);
