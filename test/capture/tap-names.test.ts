import { describe, expect, it } from 'vitest';
import { rotationName } from '../../capture/tap-names.ts';

describe('the name that files of one rotating capture have in common', () => {
  it.each([
    ['dumpcap', 'out_00001_20261123140207.pcapng', 'out_00002_20261123150207.pcapng'],
    ['tcpdump -C', 'out.pcap', 'out.pcap1'],
    ['tcpdump -C -W', 'out.pcap07', 'out.pcap12'],
    ['tcpdump -G, by date and time', 'out-2026-11-23_14:02:07.pcap', 'out-2026-11-24_00:00:00.pcap'],
    ['tcpdump -G, by the hour', 'out-20261123T14.pcap', 'out-20261124T14.pcap'],
    ['tcpdump -G, by seconds since 1970', 'out-1795442527.pcap', 'out-1795446127.pcap'],
    ['logrotate', 'out.pcap', 'out.pcap.1'],
    ['compressed afterwards', 'out_00001_20261123140207.pcap.gz', 'out_00002_20261123150207.pcap'],
  ])('is the same: %s', (_, one, next) => {
    expect(rotationName(one)).toBe(rotationName(next));
  });

  it.each([
    ['web1.pcap', 'web2.pcap'],
    ['eth0.pcap', 'eth1.pcap'],
    ['172.30.0.2.pcap', '172.30.0.3.pcap'],
    ['shop-db-1.pcap', 'shop-db-2.pcap'],
    ['a_00001_20261123140207.pcap', 'b_00002_20261123150207.pcap'],
  ])('is another: %s, %s', (one, other) => {
    expect(rotationName(one)).not.toBe(rotationName(other));
  });
});
