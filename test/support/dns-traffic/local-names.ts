/** Names that stay at home: search lists, service discovery, directories, other containers. Many, and mostly missing. */
import { address } from '../records.ts';
import { addressAnswer, type Exchange, type Happening, nameAnswer, textAnswer } from './exchange.ts';
import { addressOf, missing, type Pace, paced, visit } from './pace.ts';
import { ALNUM, HEX, LETTERS, popular, type Random, uuid } from './random.ts';
import { exchange } from './tunnel.ts';

/** Hosts an application talks to: APIs of partners and customers, each its own company. */
export function partners(from: Random, count: number): string[] {
  const endings = ['com', 'net', 'io', 'de', 'co.uk', 'fr', 'org', 'eu'];
  const hosts = ['api', 'www', 'hooks', 'sftp', 'edi', 'gateway', 'login'];
  return Array.from(
    { length: count },
    () => `${from.pick(hosts)}.${from.text(LETTERS, from.int(5, 12))}.${from.pick(endings)}`,
  );
}

/** resolv.conf with a search list: whatever is short of dots is tried below each suffix first (ndots), in both families. */
function searched(at: number, name: string, suffixes: readonly string[]): Exchange[] {
  return suffixes.flatMap((suffix, i) => [
    missing(at + i * 0.002, `${name}.${suffix}`),
    missing(at + i * 0.002, `${name}.${suffix}`, 'AAAA'),
  ]);
}

const COMPANY = 'corp.example-company.com';

/**
 * The host's search domain with ndots 1, as resolv.conf has it unless told: short names below it first, and names that
 * do not exist once more below it.
 */
export function* searchDomain(from: Random, pace: Pace): Generator<Happening> {
  const machines = Array.from(
    { length: 40 },
    () => `${from.text(LETTERS, from.int(3, 8))}-${from.int(1, 20)}`,
  );
  const gone = partners(from, 400);
  yield* paced(from, pace, (at) => {
    if (from.next() < 0.5) {
      const machine = popular(from, machines);
      return [...searched(at, machine, [COMPANY]), missing(at + 0.01, machine)];
    }
    const name = popular(from, gone);
    return [missing(at, name), missing(at, name, 'AAAA'), ...searched(at + 0.01, name, [COMPANY])];
  });
}

/** Short names of machines in the office, under a suffix that only the router knows. */
export function* localdomain(from: Random, pace: Pace): Generator<Happening> {
  const hosts = Array.from({ length: 250 }, () => `desktop-${from.text(ALNUM, 7)}`);
  yield* paced(from, pace, (at) => {
    const host = from.pick(hosts);
    return [
      missing(at, host),
      missing(at + 0.002, `${host}.localdomain`),
      missing(at + 0.004, `${host}.lan`),
    ];
  });
}

/** ndots:5 (Kubernetes' default, and what people copy from it): each suffix before the name itself. */
export function* ndots5(from: Random, pace: Pace, last: string): Generator<Happening> {
  const suffixes = ['shop.svc.cluster.local', 'svc.cluster.local', 'cluster.local', last];
  const names = partners(from, 200);
  yield* paced(from, pace, (at) => {
    const name = popular(from, names);
    return [...searched(at, name, suffixes), ...visit(at + 0.01, name)];
  });
}

/** Services of a cluster, asked with and without their namespace. */
export function* clusterServices(from: Random, pace: Pace): Generator<Happening> {
  const services = Array.from({ length: 60 }, () => `${from.text(LETTERS, from.int(4, 14))}-service`);
  yield* paced(from, pace, (at) => {
    const service = popular(from, services);
    const ip = `172.30.0.${from.int(20, 200)}`;
    const labels = `${service}.shop.svc.cluster.local`.split('.');
    return [exchange(at, labels, { answers: [addressAnswer(ip, 5)], contact: ip })];
  });
}

/** A domain member finds its controllers: RFC 2782 names, sites and GUIDs. */
export function* activeDirectory(from: Random, pace: Pace): Generator<Happening> {
  const domain = 'dmevals.local';
  const guids = Array.from({ length: 6 }, () => uuid(from));
  const sites = ['default-first-site-name', 'berlin', 'munich', 'new-york'];
  const services = ['_ldap._tcp', '_kerberos._tcp', '_kerberos._udp', '_gc._tcp', '_kpasswd._tcp'];
  const hosts = Array.from({ length: 30 }, (_, i) => `win-${from.text(ALNUM, 11)}-${i}`);
  yield* paced(from, pace, (at) => {
    const kind = from.int(0, 3);
    const server = nameAnswer('SRV', `dc1.${domain}`);
    const srv = (name: string) => exchange(at, name.split('.'), { qtype: 'SRV', answers: [server] });
    if (kind === 0) return [srv(`${from.pick(services)}.${from.pick(sites)}._sites.dc._msdcs.${domain}`)];
    if (kind === 1) return [srv(`_ldap._tcp.${from.pick(guids)}.domains._msdcs.${domain}`)];
    if (kind === 2) return [srv(`${from.pick(services)}.${domain}`)];
    const host = from.int(0, hosts.length - 1);
    const answers = [addressAnswer(`10.1.0.${10 + host}`, 1200)];
    return [exchange(at, [hosts[host]!, ...domain.split('.')], { answers })];
  });
}

/** Consul's DNS: services, tagged services, nodes, addresses in hex. */
export function* consul(from: Random, pace: Pace, size: number): Generator<Happening> {
  const services = Array.from({ length: size }, () => from.text(LETTERS, from.int(4, 12)));
  const nodes = Array.from({ length: size }, () => `i-0${from.text(HEX, 16)}`);
  yield* paced(from, pace, (at) => {
    const kind = from.int(0, 3);
    const ip = `10.20.${from.int(0, 3)}.${from.int(1, 250)}`;
    const name =
      kind === 0
        ? `${from.pick(nodes)}.node.dc1.consul`
        : kind === 1
          ? `primary.${from.pick(services)}.service.consul`
          : kind === 2
            ? `0a1400${(16 + (from.int(0, size) % 200)).toString(16)}.addr.dc1.consul`
            : `${from.pick(services)}.service.consul`;
    return [exchange(at, name.split('.'), { answers: [addressAnswer(ip, 0)], contact: ip })];
  });
}

/** RFC 6762, RFC 6763: to the link, by everybody on it. */
export function* multicast(from: Random, pace: Pace): Generator<Happening> {
  const server = address('224.0.0.251', 'multicast', { port: 5353 });
  const devices = Array.from({ length: 40 }, () => `${from.text(HEX, 12)}`);
  const services = ['_googlecast._tcp', '_airplay._tcp', '_ipp._tcp', '_hap._tcp', '_spotify-connect._tcp'];
  yield* paced(from, pace, (at) => {
    const device = from.pick(devices);
    const service = from.pick(services).split('.');
    const mdns = { server, protocol: 'mdns' } as const;
    return [
      exchange(at, [...service, 'local'], { qtype: 'PTR', ...mdns }),
      exchange(at + 0.01, [`Speaker ${device}`, ...service, 'local'], {
        qtype: 'TXT',
        answers: [textAnswer(`id=${device}${from.text(HEX, 60)}`)],
        ...mdns,
      }),
      exchange(at + 0.02, [uuid(from), 'local'], mdns),
    ];
  });
}

/** RFC 4795: Windows asks the link for what DNS did not know. */
export function* llmnr(from: Random, pace: Pace): Generator<Happening> {
  const server = address('224.0.0.252', 'multicast', { port: 5355 });
  const hosts = Array.from({ length: 100 }, () => `desktop-${from.text(ALNUM, 7)}`);
  yield* paced(from, pace, (at) => [exchange(at, [from.pick(hosts)], { server, protocol: 'llmnr' })]);
}

/** Chromium tells whether names are hijacked: three random labels at start and at each change of network. */
export function* chromeProbes(from: Random, pace: Pace): Generator<Happening> {
  yield* paced(from, pace, (at) =>
    Array.from({ length: 3 }, () => from.text(LETTERS, from.int(7, 15))).flatMap((name, i) => [
      missing(at + i * 0.01, name),
      missing(at + i * 0.01 + 0.003, `${name}.corp.example-company.com`),
    ]),
  );
}

/** Short-lived containers that know each other by the id, with Docker's search list behind. */
export function* containerIds(from: Random, pace: Pace): Generator<Happening> {
  yield* paced(from, pace, (at) => {
    const id = from.text(HEX, 12);
    const ip = `172.30.0.${from.int(20, 250)}`;
    return [exchange(at, [id], { answers: [addressAnswer(ip, 600)], contact: ip })];
  });
}

/** The same when they are gone already: the bare name is passed on and comes back as missing. */
export function* goneContainers(from: Random, pace: Pace): Generator<Happening> {
  yield* paced(from, pace, (at) => {
    const id = from.text(HEX, 12);
    return [missing(at, id), missing(at + 0.002, `${id}.corp.example-company.com`)];
  });
}

/** Replicas and jobs of Compose by name. */
export function* composeNames(from: Random, pace: Pace): Generator<Happening> {
  yield* paced(from, pace, (at, i) => {
    const name = `shop-worker-${1 + (i % 120)}`;
    return [exchange(at, [name], { answers: [addressAnswer(addressOf(name), 600)] })];
  });
}
