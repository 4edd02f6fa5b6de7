import { describe, expect, it } from 'vitest';
import check from '../../../../src/sensor/audit/checks/docker-user-rules.ts';
import { all, facts, first, saved, without } from '../lib/firewall/saved.ts';
import { container, engine, failure, outcomes, port, results, settings } from '../support.ts';

const user = (...rules: readonly string[]) =>
  all(...[...rules].reverse().map((rule) => first(`-A DOCKER-USER ${rule}`)));

describe('docker-user-rules', () => {
  it('is about nothing where only the engine wrote there', () => {
    expect(outcomes(check, facts('engine-27'))).toEqual(['not-applicable']);
    expect(outcomes(check, facts('engine-28'))).toEqual(['not-applicable']);
  });

  it.each([
    '-i eth0 -p tcp -m tcp --dport 80 -j DROP',
    '-i eth0 -p tcp -m conntrack --ctorigdstport 8080 -j DROP',
    '-i br-front -p tcp -m multiport --dports 25,465 -j DROP',
    '-i br-front -p tcp -m tcp --dport 8080 -j DROP',
    '! -s 10.0.0.0/8 -i eth0 -j DROP',
    '-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
    '-d 172.30.1.2/32 -j DROP',
    '-s 172.30.1.2/32 -d 198.51.100.66/32 -j DROP',
    '-m set --match-set banned src -j DROP',
    '-i br-+ ! -o br-+ -j LOG',
  ])('passes a rule that packets meet: %s', (rule) => {
    for (const name of ['engine-27', 'engine-28'] as const) {
      expect(outcomes(check, facts(name, user(rule)))).toEqual(['pass host']);
    }
  });

  it.each([
    ['-i eth0 -p tcp -m tcp --dport 8080 -j DROP', /port 8080 is the published one.* 80 /],
    ['-d 198.51.100.2/32 -i eth0 -j DROP', /198\.51\.100\.2 is an address of this host/],
    ['-i eth9 -j DROP', /there is no interface eth9/],
    ['-o br-0123456789ab -j DROP', /br-0123456789ab is the bridge of no network/],
    ['-d 172.30.9.9/32 -o br-front -j DROP', /nothing that is forwarded is like this/],
  ])('fails for a rule that none meets: %s', (rule, because) => {
    const failed = failure(check, facts('engine-28', user(rule)));

    expect(failed).toMatchObject({ severity: 'medium', evidence: { rule: `-A DOCKER-USER ${rule}` } });
    expect(failed.evidence['because']).toMatch(because);
  });

  it('gives the rule that was meant, which is met', () => {
    const wrong = '-A DOCKER-USER -i eth0 -p tcp -m tcp --dport 8080 -j DROP';
    const meant = '-i eth0 -p tcp -m conntrack --ctdir ORIGINAL --ctorigdstport 8080 -j DROP';
    const address = failure(check, facts('engine-28', user('-d 198.51.100.2/32 -i eth0 -j DROP')));

    expect(failure(check, facts('engine-28', first(wrong))).remedy?.commands).toEqual([
      `iptables -I DOCKER-USER ${meant}`,
      wrong.replace('-A', 'iptables -D'),
    ]);
    expect(outcomes(check, facts('engine-28', user(meant)))).toEqual(['pass host']);
    const sent = '-m conntrack --ctdir ORIGINAL --ctorigdst 198.51.100.2 -i eth0 -j DROP';
    expect(address.remedy?.commands?.[0]).toBe(`iptables -I DOCKER-USER ${sent}`);
    expect(outcomes(check, facts('engine-28', user(sent)))).toEqual(['pass host']);
  });

  it('gives commands that sh takes as they are meant, whatever a comment says', () => {
    const rule =
      '! -s 10.0.0.0/8 -i eth0 -p tcp -m tcp --dport 8080 -m comment --comment "it\\\'s $(reboot)" -j DROP';

    expect(failure(check, facts('engine-28', user(rule))).remedy?.commands?.[1]).toBe(
      `iptables -D DOCKER-USER ! -s 10.0.0.0/8 -i eth0 -p tcp -m tcp --dport 8080 -m comment --comment 'it'\\''s $(reboot)' -j DROP`,
    );
  });

  it('fails for a rule behind one that decides about all of it, and not for the one before', () => {
    const rules = ['-p tcp -m tcp --dport 25 -j DROP', '-j RETURN', '-i eth0 -j DROP'];

    expect(outcomes(check, facts('engine-28', user(...rules)))).toEqual(['fail medium host', 'pass host']);
    expect(failure(check, facts('engine-28', user(...rules))).evidence).toMatchObject({
      rule: '-A DOCKER-USER -i eth0 -j DROP',
      because: 'rules before it decide about all that it is about',
    });
    expect(
      outcomes(check, facts('engine-28', user('-s 10.0.0.0/8 -j RETURN', '-s 10.1.0.0/16 -i eth0 -j DROP'))),
    ).toContain('fail medium host');
  });

  it('is milder for a rule that would only let in', () => {
    expect(outcomes(check, facts('engine-28', user('-i eth9 -j ACCEPT')))).toEqual(['fail low host']);
  });

  it('follows chains that DOCKER-USER leads to', () => {
    const edit = all(user('-j mine'), first('-A mine -i eth9 -j DROP'), (text) =>
      text.replace(':DOCKER-USER', ':mine - [0:0]\n:DOCKER-USER'),
    );

    expect(failure(check, facts('engine-27', edit)).explanation).toMatch(/A rule in mine is never met/);
  });

  it('takes a published port for a container’s where some container listens there', () => {
    const rule = user('-i eth0 -p tcp -m tcp --dport 8080 -j DROP');
    const proxy = container('proxy', { networks: ['back'], published: [port('0.0.0.0', 8081, 8080)] });
    const world = facts('engine-28', rule);

    expect(outcomes(check, { ...world, containers: [...world.containers!, proxy] })).toEqual(['pass host']);
  });

  it('does not know which interfaces are missing where the host was not read', () => {
    expect(outcomes(check, { ...facts('engine-28', user('-i eth9 -j DROP')), host: undefined })).toEqual([
      'pass host',
    ]);
  });

  it('fails for all of them where FORWARD does not lead there, or the engine speaks to nftables itself', () => {
    const rule = '-i eth0 -j DROP';
    const lost = all(user(rule), without(/-A FORWARD -j DOCKER-USER/));
    const left = [...saved('engine-29-nft'), ...saved('engine-28', lost)];

    expect(failure(check, facts('engine-27', lost)).explanation).toMatch(
      /ignored: FORWARD does not lead there/,
    );
    expect(failure(check, { ...facts('engine-29-nft'), firewall: left }).explanation).toMatch(
      /ignored: the engine speaks to nftables itself/,
    );
    expect(
      results(check, {
        ...facts('engine-28', lost),
        engine: engine({ firewallBackend: 'nftables' }),
        settings: settings(),
      }),
    ).toMatchObject([
      { outcome: 'fail', remedy: { daemonJson: expect.stringContaining('firewall-backend') } },
    ]);
  });
});
