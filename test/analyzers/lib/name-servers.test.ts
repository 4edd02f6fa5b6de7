import { describe, expect, it } from 'vitest';
import { NameServers } from '../../../analyzers/lib/name-servers.ts';
import type { DnsRecord } from '../../../src/model/dns.ts';
import { LruMap } from '../../../src/sensor/analysis/bounded-map.ts';
import { address, container, question, secs } from '../../support/records.ts';

const HOUR = 3600;
const forwarder = container('forwarder', '172.30.0.53');

function having(...records: readonly Partial<DnsRecord>[]): NameServers {
  const servers = new NameServers(new LruMap(16, () => {}));
  for (const fields of records)
    servers.note(question({ labels: ['example', 'com'], server: forwarder, ...fields }));
  return servers;
}

const serves = (servers: NameServers, time: number) => servers.isServing('cid-forwarder', secs(time));

describe('a container that answers others', () => {
  it('is a name server for a day after its last answer', () => {
    const servers = having({ rcode: 'NXDOMAIN' });

    expect([0, 24 * HOUR, 24 * HOUR + 1].map((time) => serves(servers, time))).toEqual([true, true, false]);
  });

  it('is taken for one for ten seconds when it was only asked, since it asks on before it answers', () => {
    const servers = having({});

    expect([0, 10, 11].map((time) => serves(servers, time))).toEqual([true, true, false]);
  });

  it('is none when it refuses', () => {
    expect(serves(having({ rcode: 'REFUSED' }), 11)).toBe(false);
  });

  it('is found behind the embedded resolver as well', () => {
    const server = address('127.0.0.11', 'engine', { port: 53 });
    const servers = having({
      server,
      upstream: { server: forwarder, interface: 'eth0', rtt: 100 },
      rcode: 'NOERROR',
    });

    expect(serves(servers, HOUR)).toBe(true);
  });

  it('is none by asking itself, nor is an address that only looks like one', () => {
    expect(serves(having({ client: forwarder, rcode: 'NOERROR' }), 0)).toBe(false);
    expect(serves(having({ server: address('172.30.0.53', 'lan'), rcode: 'NOERROR' }), 0)).toBe(false);
    expect(having({ rcode: 'NOERROR' }).isServing(undefined, secs(0))).toBe(false);
  });

  it('stays one when the clock is set', () => {
    const servers = having({ rcode: 'NOERROR' });
    servers.clockSet({ from: secs(0), to: secs(48 * HOUR) });

    expect([48 * HOUR, 72 * HOUR + 1].map((time) => serves(servers, time))).toEqual([true, false]);
  });
});
