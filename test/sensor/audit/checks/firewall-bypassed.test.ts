import { describe, expect, it } from 'vitest';
import check from '../../../../src/sensor/audit/checks/firewall-bypassed.ts';
import { all, facts, first, onLoopback, web, withIpv6 } from '../lib/firewall/saved.ts';
import { failure, outcomes, port, results, settings } from '../support.ts';

/** As `ufw default deny incoming`, `ufw allow 22` leave it: what ufw itself prints, in short. */
const UFW = all(
  first('-A INPUT -j ufw-user-input'),
  first('-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT'),
  first('-A INPUT -m addrtype ! --dst-type LOCAL -j ACCEPT'),
  first('-A ufw-user-input -p tcp -m tcp --dport 22 -j ACCEPT'),
  (text) =>
    text.replace(':INPUT ACCEPT [0:0]\n:FORWARD', ':INPUT DROP [0:0]\n:ufw-user-input - [0:0]\n:FORWARD'),
);
const DENIED = '-A ufw-user-input -p tcp -m tcp --dport 8080 -j DROP';

describe('firewall-bypassed', () => {
  it('passes where INPUT refuses nothing that is published', () => {
    for (const name of ['engine-27', 'engine-28'] as const) {
      expect(outcomes(check, facts(name))).toEqual(['pass web']);
      expect(outcomes(check, facts(name, first('-A INPUT -p tcp -m tcp --dport 80 -j DROP')))).toEqual([
        'pass web',
      ]);
    }
  });

  it('fails where INPUT refuses by default, and published ports come in past it', () => {
    const failed = failure(check, facts('engine-28', UFW));

    expect(failed).toMatchObject({ severity: 'medium', networks: ['front'] });
    expect(failed.evidence).toMatchObject({
      ports: ['0.0.0.0:8080->80/tcp'],
      refusing: ['-P INPUT DROP'],
      accepting: [expect.stringMatching(/-A DOCKER -d 172\.30\.1\.2\/32 .*--dport 80 -j ACCEPT/)],
    });
    expect(outcomes(check, facts('engine-29-nft'))).toEqual(['fail medium web']);
  });

  it('is graver where a rule names that very port', () => {
    const failed = failure(check, facts('engine-27', all(UFW, first(DENIED))));

    expect(failed.severity).toBe('high');
    expect(failed.explanation).toContain(DENIED);
    expect(failed.remedy?.commands).toEqual([
      'iptables -I DOCKER-USER -i eth0 -p tcp -m conntrack --ctorigdstport 8080 --ctdir ORIGINAL -j DROP',
    ]);
  });

  it('passes once that remedy is in place, and any other that drops in FORWARD', () => {
    for (const rule of [
      '-A DOCKER-USER -i eth0 -p tcp -m conntrack --ctorigdstport 8080 --ctdir ORIGINAL -j DROP',
      '-A DOCKER-USER ! -s 10.0.0.0/8 -i eth0 -j DROP',
      '-A DOCKER-USER -i eth0 -p tcp -m tcp --dport 80 -j DROP',
    ]) {
      expect(outcomes(check, facts('engine-28', all(UFW, first(rule))))).toEqual(['pass web']);
    }
    for (const rule of [
      '-A DOCKER-USER -i eth0 -p tcp -m conntrack --ctorigdstport 8081 --ctdir ORIGINAL -j DROP',
      '-A DOCKER-USER -i eth0 -p tcp -m tcp --dport 8080 -j DROP',
      '-A DOCKER-USER -s 198.51.100.66/32 -j DROP',
    ]) {
      expect(outcomes(check, facts('engine-28', all(UFW, first(rule))))).toEqual(['fail medium web']);
    }
  });

  it('passes a port that INPUT lets in, and one that is published on loopback', () => {
    const allowed = '-A ufw-user-input -p tcp -m tcp --dport 8080 -j ACCEPT';

    expect(outcomes(check, facts('engine-28', all(UFW, first(allowed))))).toEqual(['pass web']);
    expect(outcomes(check, { ...facts('engine-28', UFW), containers: [onLoopback] })).toEqual([
      'not-applicable',
    ]);
  });

  it('is not about ports that docker-proxy takes: INPUT is asked of these', () => {
    const only6 = { ...web, published: [port('::', 8080, 80)] };
    const denied = first('-A INPUT -p tcp -m tcp --dport 8080 -j DROP');

    expect(outcomes(check, { ...facts('engine-27-ipv6', denied), containers: [only6] })).toEqual([
      'not-applicable',
    ]);
    expect(outcomes(check, { ...facts('engine-27-ipv6', denied), containers: [withIpv6(only6)] })).toEqual([
      'fail high web',
    ]);
    expect(outcomes(check, { ...facts('engine-27', UFW), settings: settings({ iptables: false }) })).toEqual([
      'not-applicable',
    ]);
  });

  it('is unknown where FORWARD hangs on what is not modelled', () => {
    const rule = '-A DOCKER-USER -m set ! --match-set friends src -j DROP';

    expect(results(check, facts('engine-28', all(UFW, first(rule))))).toMatchObject([
      { outcome: 'unknown', evidence: { rules: [rule] } },
    ]);
  });
});
