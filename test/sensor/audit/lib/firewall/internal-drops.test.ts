import { describe, expect, it } from 'vitest';
import { internalDrops } from '../../../../../src/sensor/audit/lib/firewall/internal-drops.ts';
import { parseIptablesSave } from '../../../../../src/sensor/host/firewall/iptables-save.ts';
import type { Ruleset } from '../../../../../src/sensor/host/firewall/ruleset.ts';
import { recordedNft, recordedText } from '../../../host/firewall/recorded.ts';
import { network, route } from '../../support.ts';

const INTERNAL = 'br-ef28d2b2f9c0';
const inner = network('inner', { internal: true, bridge: INTERNAL, subnets: ['172.30.51.0/24'] });
const other = network('other', { bridge: 'br-cec62e7aba19', subnets: ['172.30.52.0/24'] });
const around = { networks: [inner, other], host: { routes: [route('0.0.0.0/0', 'eth0')] } };

/** What a real engine 20.10 wrote, after somebody edited it. */
function rulesets(edit: (text: string) => string): Ruleset[] {
  const text = edit(recordedText('engine-20.10-nft.txt'));
  return [parseIptablesSave(text, 'ipv4', 'iptables-nft')];
}

function without(text: string, ...lines: RegExp[]): string {
  const kept = text.split('\n').filter((line) => !lines.some((gone) => gone.test(line)));
  if (kept.length === text.split('\n').length) throw new Error('nothing was taken away');
  return kept.join('\n');
}

const EGRESS = /-A DOCKER-ISOLATION-STAGE-1 ! -d 172\.30\.51/;
const accepting = (text: string) => text.replace(':FORWARD DROP', ':FORWARD ACCEPT');

describe('the drops of an internal network', () => {
  it('hold, as a real engine 20.10 writes them', () => {
    const drops = internalDrops(
      rulesets((text) => text),
      inner,
      around,
    );

    expect(drops).toMatchObject({ state: 'held', isHeldByPolicy: false });
    expect(drops.rules).toContain(`-A DOCKER-ISOLATION-STAGE-1 ! -d 172.30.51.0/24 -i ${INTERNAL} -j DROP`);
  });

  it('hold whatever the policy is, and are held by it alone where they are gone', () => {
    expect(internalDrops(rulesets(accepting), inner, around)).toMatchObject({
      state: 'held',
      isHeldByPolicy: false,
    });
    expect(
      internalDrops(
        rulesets((text) => without(text, EGRESS)),
        inner,
        around,
      ),
    ).toMatchObject({
      state: 'held',
      isHeldByPolicy: true,
    });
  });

  it('are open where one is gone and the policy accepts: out, and only out', () => {
    const drops = internalDrops(
      rulesets((text) => accepting(without(text, EGRESS))),
      inner,
      around,
    );

    expect(drops).toMatchObject({ state: 'open', rules: ['-P FORWARD ACCEPT'] });
    expect(drops.reason).toBe('over IPv4 packets get out to other and eth0');
  });

  it('are there and never reached behind a rule that accepts', () => {
    const shadowed = (rule: string) =>
      internalDrops(
        rulesets((text) =>
          text.replace('[14:1128] -A FORWARD', `[0:0] -A FORWARD ${rule}\n[14:1128] -A FORWARD`),
        ),
        inner,
        around,
      );

    expect(shadowed('-j ACCEPT')).toMatchObject({ state: 'open', rules: ['-A FORWARD -j ACCEPT'] });
    expect(shadowed(`-i ${INTERNAL} -o eth0 -p udp -m udp --dport 53 -j ACCEPT`)).toMatchObject({
      state: 'open',
      reason: 'over IPv4 packets get out to eth0',
    });
    expect(shadowed('-i eth9 -j ACCEPT').state).toBe('held');
    expect(shadowed('-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT').state).toBe('held');
    expect(shadowed('-m physdev --physdev-is-bridged -j ACCEPT')).toMatchObject({
      state: 'unknown',
      rules: ['-A FORWARD -m physdev --physdev-is-bridged -j ACCEPT'],
    });
    expect(shadowed('-m limit --limit 3/min -j LOG').state).toBe('held');
  });

  it('are not known where the rules of a family were not read, or the network has no bridge', () => {
    const ipv6 = { ...inner, subnets: ['2001:db8:51::/64'] };
    const { bridge, ...bare } = inner;

    expect(bridge).toBe(INTERNAL);
    expect(
      internalDrops(
        rulesets((text) => text),
        ipv6,
        around,
      ),
    ).toMatchObject({ state: 'unknown' });
    expect(
      internalDrops(
        rulesets((text) => text),
        bare,
        around,
      ),
    ).toMatchObject({ state: 'unknown' });
  });

  it('hold in tables of nft', () => {
    const data = network('data', { internal: true, bridge: 'br-data', subnets: ['172.30.61.0/24'] });

    expect(recordedNft().map(({ family }) => family)).toEqual(['ipv4', 'ipv6']);
    expect(internalDrops(recordedNft(), data, { networks: [data] }).state).toBe('unknown');
  });
});
