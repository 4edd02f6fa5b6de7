/** The rulesets in saved/, parsed, after a test edited them; and the host that they are of, as the audit knows it. */
import { readFileSync } from 'node:fs';
import { backendOf, parseIptablesSave } from '../../../../../src/sensor/host/firewall/iptables-save.ts';
import { parseNftJson } from '../../../../../src/sensor/host/firewall/nft-json.ts';
import type { Family, Ruleset } from '../../../../../src/sensor/host/firewall/ruleset.ts';
import { container, DOCKER0, engine, network, port, route, type SomeFacts } from '../../support.ts';

export type Saved = 'engine-27' | 'engine-27-ipv6' | 'engine-28' | 'engine-29-nft';
/** A table of firewalld, beside what the engine wrote. */
export function firewalld(): Ruleset[] {
  const text = readFileSync(new URL('saved/firewalld.txt', import.meta.url), 'utf8');
  return parseNftJson(text, { withInet: true });
}

type Edit = (text: string) => string;

export function saved(name: Saved, edit: Edit = (text) => text): Ruleset[] {
  const text = edit(readFileSync(new URL(`saved/${name}.txt`, import.meta.url), 'utf8'));
  if (name === 'engine-29-nft') return parseNftJson(text, { withInet: true });
  const family: Family = name.endsWith('ipv6') ? 'ipv6' : 'ipv4';
  return [parseIptablesSave(text, family, backendOf(text))];
}

/** Without the lines that match; that none does is a mistake of the test. */
export function without(...lines: readonly RegExp[]): Edit {
  return (text) => {
    const all = text.split('\n');
    for (const line of lines)
      if (!all.some((each) => line.test(each))) throw new Error(`nothing matches ${line}`);
    return all.filter((each) => !lines.some((line) => line.test(each))).join('\n');
  };
}

/** A rule at the beginning of its chain, of the filter table unless another is named. */
export function first(rule: string, table = 'filter'): Edit {
  return (text) => {
    const start = text.indexOf(`*${table}\n`);
    const end = text.indexOf('\nCOMMIT', start);
    const head = text.slice(start, end).split('\n');
    const name = rule.split(' ')[1];
    const at = head.findIndex((line) => line.includes(`-A ${name} `));
    head.splice(at < 0 ? head.length : at, 0, rule);
    return text.slice(0, start) + head.join('\n') + text.slice(end);
  };
}

export const accepting: Edit = (text) => text.replace(':FORWARD DROP', ':FORWARD ACCEPT');

export function all(...edits: readonly Edit[]): Edit {
  return (text) => edits.reduce((edited, edit) => edit(edited), text);
}

const ADDRESSES_V6 = { front: 'fd30:1::/64', back: 'fd30:2::/64', data: 'fd30:3::/64' } as const;

export const front = network('front', {
  bridge: 'br-front',
  subnets: ['172.30.1.0/24'],
  gateways: ['172.30.1.1'],
});
export const back = network('back', {
  bridge: 'br-back',
  subnets: ['172.30.2.0/24'],
  gateways: ['172.30.2.1'],
});
export const data = network('data', {
  ...{ bridge: 'br-data', internal: true, subnets: ['172.30.3.0/24'], gateways: ['172.30.3.1'] },
});
export const web = container('web', {
  networks: ['front'],
  endpoints: [
    { networkId: front.id, networkName: 'front', containerId: 'id-web', ips: ['172.30.1.2'], gateways: [] },
  ],
  published: [port('0.0.0.0', 8080, 80), port('::', 8080, 80)],
});
export const onLoopback = { ...web, published: [port('127.0.0.1', 9090, 90)] };

/** Facts about that host, with the version of the engine that wrote the rules. */
export function facts(name: Saved, edit?: Edit): SomeFacts {
  const version = {
    'engine-27': '27.5.1',
    'engine-27-ipv6': '27.5.1',
    'engine-28': '28.5.0',
    'engine-29-nft': '29.1.0',
  }[name];
  const isIpv6 = name === 'engine-27-ipv6';
  const networks = [DOCKER0, front, back, data].map((each) =>
    isIpv6
      ? { ...each, hasIpv6: true, subnets: [ADDRESSES_V6[each.name as 'front'] ?? 'fd30:17::/64'] }
      : each,
  );
  return {
    engine: engine({ version }),
    networks,
    containers: [isIpv6 ? withIpv6(web) : web],
    host: {
      routes: [route('0.0.0.0/0', 'eth0')],
      interfaces: ['lo', 'eth0', 'docker0', 'br-front', 'br-back', 'br-data'],
      addresses: ['127.0.0.1', '198.51.100.2', '172.30.1.1'],
    },
    firewall: saved(name, edit),
  };
}

export function withIpv6(of: typeof web): typeof web {
  return { ...of, endpoints: of.endpoints.map((each) => ({ ...each, ips: [...each.ips, 'fd30:1::2'] })) };
}
