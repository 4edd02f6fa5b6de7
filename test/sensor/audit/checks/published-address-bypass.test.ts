import { describe, expect, it } from 'vitest';
import check from '../../../../src/sensor/audit/checks/published-address-bypass.ts';
import { container, engine, failure, network, outcomes, port, settings } from '../support.ts';

const OPTION = 'com.docker.network.bridge';
const MODE = `${OPTION}.gateway_mode_ipv4`;
const V6 = '2001:db8:77::2';
const facts = (version: string, hostIp = '127.0.0.1', fields = {}) => ({
  engine: engine({ version }),
  networks: [network('back')],
  containers: [container('a', { networks: ['back'], published: [port(hostIp, 8080, 80)] })],
  ...fields,
});

describe('published-address-bypass', () => {
  it('fails up to engine 27 and passes from 28 on', () => {
    expect(outcomes(check, facts('27.5.1'))).toEqual(['fail medium a']);
    expect(outcomes(check, facts('28.0.0'))).toEqual(['pass a']);
  });

  it('is milder for an address that is not loopback', () => {
    expect(outcomes(check, facts('20.10.24+dfsg1', '198.51.100.2'))).toEqual(['fail low a']);
  });

  it('is about no port that is open to all anyway', () => {
    expect(outcomes(check, facts('20.10.24', '0.0.0.0'))).toEqual(['not-applicable']);
  });

  it('fails on a new engine too where direct routing is open, by the engine or by the network', () => {
    const open = settings({ allowDirectRouting: true });
    const networks = [network('back', { options: { [MODE]: 'nat-unprotected' } })];

    expect(outcomes(check, facts('28.5.0', '127.0.0.1', { settings: open }))).toEqual(['fail medium a']);
    expect(outcomes(check, facts('28.5.0', '127.0.0.1', { networks }))).toEqual(['fail medium a']);
  });

  describe('in each family by itself', () => {
    const both = (hostIp: string, ips: readonly string[]) => {
      const { endpoints, ...rest } = container('a', {
        networks: ['back'],
        published: [port(hostIp, 8080, 80)],
      });
      return [{ ...rest, endpoints: [{ ...endpoints[0]!, ips }] }];
    };
    const dual = ['172.30.0.2', V6];

    it('knows no way by the link to ::1, only the own address of a container that has one', () => {
      const found = failure(check, facts('27.5.1', '', { containers: both('::1', dual) }));

      expect(found.explanation).toMatch(/reaches it all the same, at the container's own address\.$/);
      expect(found.remedy?.commands).toEqual([
        `ip6tables -t raw -I PREROUTING ! -i br-back -d ${V6} -j DROP`,
      ]);
      expect(outcomes(check, facts('27.5.1', '', { containers: both('::1', ['172.30.0.2']) }))).toEqual([
        'pass a',
      ]);
    });

    it('knows both ways to 127.0.0.1, and shuts them in IPv4 only', () => {
      const found = failure(check, facts('27.5.1', '', { containers: both('127.0.0.1', dual) }));

      expect(found.explanation).toContain("at 127.0.0.1 or at the container's own address");
      expect(found.remedy?.commands?.join()).not.toContain('ip6tables');
    });

    it.each([
      ['gateway_mode_ipv4', '127.0.0.1', 'fail medium a'],
      ['gateway_mode_ipv4', '::1', 'pass a'],
      ['gateway_mode_ipv6', '127.0.0.1', 'pass a'],
      ['gateway_mode_ipv6', '::1', 'fail medium a'],
      ['gateway_mode_ipv6', '2001:db8::2', 'fail low a'],
    ])('a network with %s routed opens what is bound to %s: %s', (mode, hostIp, expected) => {
      const networks = [network('back', { options: { [`${OPTION}.${mode}`]: 'routed' } })];

      expect(outcomes(check, facts('28.5.0', '', { networks, containers: both(hostIp, dual) }))).toEqual([
        expected,
      ]);
    });

    it.each([
      ['iptables', '127.0.0.1', 'fail medium a'],
      ['iptables', '::1', 'pass a'],
      ['ip6tables', '127.0.0.1', 'pass a'],
      ['ip6tables', '::1', 'fail medium a'],
    ])('a new engine with %s turned off opens what is bound to %s: %s', (option, hostIp, expected) => {
      const some = { settings: settings({ [option]: false }), containers: both(hostIp, dual) };

      expect(outcomes(check, facts('28.5.0', '', some))).toEqual([expected]);
    });
  });

  it('knows no way by the link where an old engine writes no rules: nothing takes 127.0.0.1 to the container', () => {
    const some = facts('27.5.1', '127.0.0.1', { settings: settings({ iptables: false }) });

    expect(failure(check, some).explanation).not.toContain('127.0.0.1 or');
  });

  it('fails where a network lets interfaces of the host in past it', () => {
    const networks = [network('back', { options: { [`${OPTION}.trusted_host_interfaces`]: 'eth0' } })];

    expect(failure(check, facts('28.5.0', '127.0.0.1', { networks })).explanation).toContain('by eth0');
  });

  it('does not pass a new engine whose settings cannot be read, and does not need them of an old one', () => {
    expect(outcomes(check, facts('28.5.0', '127.0.0.1', { settings: undefined }))).toEqual(['unknown a']);
    expect(outcomes(check, facts('27.5.1', '127.0.0.1', { settings: undefined }))).toEqual(['fail medium a']);
  });

  it('gives rules by the bridge that the container is on', () => {
    expect(failure(check, facts('27.5.1')).remedy?.commands).toContain(
      'iptables -t raw -I PREROUTING ! -i br-back -d 172.30.0.2 -j DROP',
    );
  });

  it('is unknown for a version that is none, and for an engine that does not answer', () => {
    expect(outcomes(check, facts('library-import'))).toEqual(['unknown']);
    expect(outcomes(check, { engine: undefined })).toEqual(['unknown']);
  });
});
