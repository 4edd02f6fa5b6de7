import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AgentRecord } from '../../src/model/record.ts';
import { Station } from '../../src/station/station.ts';
import {
  memoryLogger,
  QUICK_RETRY,
  stationConfig,
  temporaryDirectory,
  until,
} from '../station/support/harness.ts';
import { finding, loss } from '../station/support/records.ts';
import { RSYSLOGD_MISSING, type Rsyslogd, startRsyslogd } from '../support/rsyslogd.ts';

if (RSYSLOGD_MISSING !== undefined) console.warn(`SKIPPED syslog.test.ts: ${RSYSLOGD_MISSING}`);

describe.skipIf(RSYSLOGD_MISSING !== undefined)('syslog, to the real rsyslogd', () => {
  let server: Rsyslogd;
  let directory: ReturnType<typeof temporaryDirectory>;
  let log: ReturnType<typeof memoryLogger>;
  let station: Station | undefined;

  beforeAll(async () => {
    server = await startRsyslogd();
  });

  afterAll(() => server?.dispose());

  beforeEach(() => {
    directory = temporaryDirectory();
    log = memoryLogger();
  });

  afterEach(async () => {
    await station?.stop();
    directory.remove();
  });

  async function newStation(over: object): Promise<Station> {
    const sink = { type: 'syslog', host: '127.0.0.1', ...over };
    const config = stationConfig(directory.path, {}, {}, [sink]);
    station = new Station(config, { logger: log.logger, host: 'host1', retry: QUICK_RETRY });
    await station.start();
    return station;
  }

  const idsOf = (input: string) =>
    server
      .messages()
      .filter((message) => message.input === input)
      .map(({ data }) => / id="([^"]*)"/.exec(data)?.[1]);

  function reach(transport: 'udp' | 'tcp' | 'tls'): object {
    switch (transport) {
      case 'udp':
        return { transport, port: server.udpPort };
      case 'tcp':
        return { transport, port: server.tcpPort };
      case 'tls':
        return {
          transport,
          port: server.tlsPort,
          server_name: 'logs.example',
          ca_file: server.files.path('ca.pem'),
          cert_file: server.files.path('client.pem'),
          key_file: server.files.path('client.key'),
        };
    }
  }

  it.each(['udp', 'tcp', 'tls'] as const)('is understood whole over %s', async (transport) => {
    const records: AgentRecord[] = [...Array.from({ length: 120 }, (_, n) => finding(n)), loss(1)];
    const running = await newStation(reach(transport));

    for (const record of records) running.receive(record);
    await until('all of them', () => idsOf(transport).length === records.length);

    const mine = server.messages().filter(({ input }) => input === transport);
    expect(new Set(idsOf(transport)).size).toBe(records.length);
    const first = mine.find(({ data }) => data.includes(' id="f-7" '))!;
    expect(first).toMatchObject({ facility: 'local0', host: 'host1', app: 'bridgewatch' });
    expect(JSON.parse(first.text)).toMatchObject({ kind: 'finding', id: 'f-7' });
    expect(mine.find(({ id }) => id === 'loss')).toMatchObject({ severity: 'warning' });
  });

  it.each(['tcp', 'tls'] as const)(
    'loses no finding over %s when rsyslogd is killed and comes back',
    async (transport) => {
      const running = await newStation(reach(transport));
      const wanted = Array.from({ length: 300 }, (_, n) => 1000 + n);
      for (const [i, n] of wanted.entries()) {
        running.receive(finding(n));
        if (i === 150) {
          await until('some', () => idsOf(transport).some((id) => id === 'f-1000'));
          await server.stop('SIGKILL');
        }
        if (i === 250) {
          await until('the station to notice', () => running.status()!.sinks[0]!.state === 'retrying');
          await server.start();
        }
      }

      await until('all of them', () => {
        const found = new Set(idsOf(transport));
        return wanted.every((n) => found.has(`f-${n}`));
      });
      expect(log.lines.filter(({ msg }) => msg.startsWith('the sink takes records again'))).toHaveLength(1);
    },
  );
});
