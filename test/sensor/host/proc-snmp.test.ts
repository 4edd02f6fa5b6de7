import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { forwardCounters, noRouteCounters } from '../../../src/sensor/host/proc-snmp.ts';

const SNMP = `Ip: Forwarding DefaultTTL OutRequests OutDiscards OutNoRoutes ReasmTimeout
Ip: 2 64 5 0 7 0
Icmp: InMsgs OutNoRoutes
Icmp: 1 99
`;

describe('noRouteCounters', () => {
  it('goes by the names of the columns, of IP only', () => {
    expect(noRouteCounters(SNMP, 'Ip6OutRequests 3\nIp6OutNoRoutes                  \t4\n')).toEqual({
      ipv4: 7,
      ipv6: 4,
    });
  });

  it.each([
    [undefined, undefined],
    ['', ''],
    ['Ip: A OutNoRoutes\n', 'Ip6OutNoRoutesX 4\n'],
    ['Ip: A OutNoRoutes\nIp: 1\n', 'Ip6OutNoRoutes\n'],
    ['Ip: A B\nIp: 1 2\n', 'XIp6OutNoRoutes 4\n'],
  ])('knows nothing of a counter that is not there: %j %j', (snmp, snmp6) => {
    expect(noRouteCounters(snmp, snmp6)).toEqual({ ipv4: undefined, ipv6: undefined });
  });

  it('reads what this kernel writes', () => {
    expect(
      noRouteCounters(readFileSync('/proc/self/net/snmp', 'utf8'), undefined).ipv4,
    ).toBeGreaterThanOrEqual(0);
  });
});

describe('forwardCounters', () => {
  it.each([
    [
      'Ip: Forwarding ForwDatagrams\nIp: 1 12\n',
      'Ip6OutForwDatagrams 3\n',
      { isOn: true, ipv4: 12, ipv6: 3 },
    ],
    ['Ip: Forwarding ForwDatagrams\nIp: 2 0\n', '', { isOn: false, ipv4: 0, ipv6: undefined }],
    ['', undefined, { isOn: undefined, ipv4: undefined, ipv6: undefined }],
  ])('tells whether packets of others are passed on, and how many were: %j', (snmp, snmp6, expected) => {
    expect(forwardCounters(snmp, snmp6)).toEqual(expected);
  });
});
