/** Resolvers, crawlers and DNS tools in containers: thousands of zones, odd types, options, letter case, big answers. */
import { address } from '../records.ts';
import { cdnName } from './clouds.ts';
import {
  addressAnswer,
  bytesAnswer,
  type Exchange,
  type Happening,
  nameAnswer,
  textAnswer,
} from './exchange.ts';
import { partners } from './local-names.ts';
import { addressOf, missing, type Pace, paced, resolve, visit } from './pace.ts';
import { ALNUM, HEX, LETTERS, popular, type Random } from './random.ts';
import { exchange } from './tunnel.ts';

const mixedCase = (from: Random, text: string): string =>
  [...text].map((char) => (from.next() < 0.5 ? char.toUpperCase() : char)).join('');

const cookie = (from: Random, bytes: number) => ({
  code: 10,
  data: Uint8Array.from(Buffer.from(from.bytes(bytes), 'latin1')),
});

/** A household's names: sites and the edges of content networks near it, the popular ones often, with a long tail. */
function household(from: Random, tail: number): () => string {
  const sites = partners(from, tail);
  const edges = Array.from({ length: 400 }, () => cdnName(from));
  return () => popular(from, from.next() < 0.25 ? edges : sites);
}

/**
 * unbound with use-caps-for-id: iterates from the root itself, minimises names (RFC 9156), random case for every name,
 * asks each zone's own servers, wants DNSSEC.
 */
export function* unbound(from: Random, pace: Pace): Generator<Happening> {
  const nextName = household(from, 3000);
  yield* paced(from, pace, (at) => {
    const name = nextName();
    const labels = name.split('.');
    const asked: Exchange[] = [];
    for (let count = 2; count <= labels.length; count++) {
      const part = mixedCase(from, labels.slice(-count).join('.'));
      const server = address(addressOf(labels.slice(-2).join('.')), 'internet', { port: 53 });
      const isWhole = count === labels.length;
      asked.push(
        exchange(at + count * 0.03, part.split('.'), {
          server,
          qtype: isWhole ? from.pick(['A', 'AAAA', 'HTTPS']) : 'A',
          ...(isWhole ? { answers: [addressAnswer(addressOf(name))] } : { rcode: 'NOERROR' }),
        }),
      );
    }
    const zone = labels.slice(-2);
    asked.push(
      exchange(at + 0.3, mixedCase(from, zone.join('.')).split('.'), {
        qtype: from.pick(['DNSKEY', 'DS']),
        answers: [bytesAnswer('DNSKEY', from.bytes(260)), bytesAnswer('RRSIG', from.bytes(286))],
      }),
    );
    return asked;
  });
}

/** A forwarder for a household (Pi-hole, dnsmasq): everything that its clients ask, none of it contacted by itself. */
export function* forwarder(from: Random, pace: Pace): Generator<Happening> {
  const nextName = household(from, 1500);
  yield* paced(from, pace, (at) => {
    const name = nextName();
    return from.next() < 0.1
      ? [missing(at, `${from.text(LETTERS, 8)}.${name}`)]
      : [resolve(at, name), exchange(at, name.split('.'), { qtype: 'HTTPS', rcode: 'NOERROR' })];
  });
}

/** A resolver's health checks with dig: a new client cookie each run, later the server's too (RFC 7873). */
export function* cookies(from: Random, pace: Pace): Generator<Happening> {
  const names = ['www.example.com', 'example.org', 'time.cloudflare.com'];
  yield* paced(from, pace, (at, i) => [
    resolve(at, names[i % 3]!, { options: [cookie(from, from.next() < 0.5 ? 8 : 24)] }),
  ]);
}

/** RFC 7871 subnets of many users, RFC 7830 padding to 128 bytes with zeros, key tags (RFC 8145), expire and keepalive. */
export function* ednsOptions(from: Random, pace: Pace): Generator<Happening> {
  const names = partners(from, 50);
  yield* paced(from, pace, (at) => {
    const subnet = Uint8Array.from([0, 1, 24, 0, from.int(1, 223), from.int(0, 255), from.int(0, 255)]);
    const options = [
      { code: 8, data: subnet },
      { code: 12, data: new Uint8Array(from.int(20, 90)) },
      { code: 11, data: new Uint8Array(0) },
      { code: 14, data: Uint8Array.from([0x4f, 0x66]) },
    ];
    return [resolve(at, from.pick(names), { options })];
  });
}

/** Trust-anchor telemetry (RFC 8145) and priming: NULL for `_ta-4f66`, NS and DNSKEY of the root. */
export function* trustAnchors(from: Random, pace: Pace): Generator<Happening> {
  yield* paced(from, pace, (at) => [
    exchange(at, [`_ta-${from.pick(['4f66', '4a5c', '4a5c-4f66'])}`], { qtype: 'NULL', rcode: 'NXDOMAIN' }),
    exchange(at + 0.01, [], { qtype: 'DNSKEY', answers: [bytesAnswer('DNSKEY', from.bytes(264))] }),
  ]);
}

/** A validator: keys and signatures of every zone on the way, 0.5 to 2 kB each, the same zone again when they expire. */
export function* validator(from: Random, pace: Pace): Generator<Happening> {
  const zones = partners(from, 400).map((name) => name.slice(name.indexOf('.') + 1));
  yield* paced(from, pace, (at) => {
    const zone = popular(from, zones).split('.');
    const keys = [bytesAnswer('DNSKEY', from.bytes(260)), bytesAnswer('DNSKEY', from.bytes(260))];
    return [
      exchange(at, zone, { qtype: 'DS', answers: [bytesAnswer('DS', from.bytes(36))] }),
      exchange(at + 0.01, zone, {
        qtype: 'DNSKEY',
        answers: [...keys, bytesAnswer('RRSIG', from.bytes(286))],
      }),
      exchange(at + 0.02, ['www', ...zone], {
        answers: [addressAnswer(addressOf(zone.join('.'))), bytesAnswer('RRSIG', from.bytes(96))],
      }),
    ];
  });
}

/** Audits of one's own domains: TXT, MX, NS, CAA with kilobytes of verification strings, which stay the same. */
export function* bigText(from: Random, pace: Pace): Generator<Happening> {
  const domains = partners(from, 12).map((name) => name.slice(name.indexOf('.') + 1));
  const texts = domains.map(() =>
    Array.from({ length: 14 }, () => textAnswer(`site-verification=${from.text(ALNUM, 43)}`)),
  );
  yield* paced(from, pace, (at, i) => {
    const domain = domains[i % domains.length]!;
    return [
      exchange(at, domain.split('.'), { qtype: 'TXT', answers: texts[i % domains.length]! }),
      exchange(at + 0.01, domain.split('.'), { qtype: 'MX', answers: [nameAnswer('MX', `mx.${domain}`)] }),
      exchange(at + 0.02, domain.split('.'), { qtype: 'NS', answers: [nameAnswer('NS', `ns1.${domain}`)] }),
      exchange(at + 0.03, domain.split('.'), { qtype: 'CAA', rcode: 'NOERROR' }),
    ];
  });
}

/** A crawler: hosts of many sites, some platforms with a name an author, robots and images, nearly all contacted. */
export function* crawler(from: Random, pace: Pace): Generator<Happening> {
  const sites = partners(from, 5000);
  yield* paced(from, pace, (at) => {
    const kind = from.next();
    if (kind < 0.15) return visit(at, `${from.text(LETTERS, from.int(6, 16))}.blogspot.com`);
    if (kind < 0.25) return visit(at, `${from.text(LETTERS, from.int(6, 16))}.wordpress.com`);
    if (kind < 0.35) return visit(at, cdnName(from));
    if (kind < 0.4) return [missing(at, from.pick(sites))];
    return visit(at, from.pick(sites));
  });
}

/** Balanced services answer differently each time: a pool of addresses, a few at a time, low TTL. */
export function* balanced(from: Random, pace: Pace): Generator<Happening> {
  const names = [
    'api.payments-example.com',
    'edge.search-example.net',
    'db.cluster-x1.eu-west-1.rds.amazonaws.com',
  ];
  yield* paced(from, pace, (at, i) => {
    const ips = Array.from({ length: 4 }, () => `198.51.100.${from.int(1, 250)}`);
    const labels = names[i % 3]!.split('.');
    return [exchange(at, labels, { answers: ips.map((ip) => addressAnswer(ip, 5)), contact: ips[0] })];
  });
}

/** The same with IPv6: eight of a pool of 48. */
export function* balancedSix(from: Random, pace: Pace): Generator<Happening> {
  yield* paced(from, pace, (at) => {
    const ips = Array.from({ length: 8 }, () => `2001:db8:40:1::${from.int(1, 48).toString(16)}`);
    const labels = ['edge', 'search-example', 'net'];
    return [
      exchange(at, labels, {
        qtype: 'AAAA',
        answers: ips.map((ip) => addressAnswer(ip, 5)),
        contact: ips[0],
      }),
    ];
  });
}

/** Polls of a few names with TTL 0 and several types, over and over: monitoring, or a client that keeps no cache. */
export function* polling(from: Random, pace: Pace): Generator<Happening> {
  const names = ['db', 'cache', 'queue', 'api', 'auth', 'search'].map(
    (name) => `${name}.internal.example-company.com`,
  );
  yield* paced(from, pace, (at) => {
    const name = from.pick(names);
    return ['A', 'AAAA', from.pick(['A', 'HTTPS', 'SRV', 'TXT'])].map((qtype) =>
      exchange(at, name.split('.'), {
        qtype,
        rcode: 'NOERROR',
        answers: qtype === 'A' ? [addressAnswer(addressOf(name), 0)] : [],
      }),
    );
  });
}

/** Given names, in the order of the list: a checker of popular domains that only resolves. */
export function* listed(from: Random, pace: Pace, names: readonly string[]): Generator<Happening> {
  yield* paced(from, pace, (at, i) => {
    const name = names[i % names.length]!;
    const rcode = from.next() < 0.05 ? 'NXDOMAIN' : undefined;
    return [resolve(at, name, { rcode }), resolve(at + 0.01, `www.${name}`, { rcode })];
  });
}

/** A message queue or worker that resolves hashes of content, as IPFS and the like do for gateways: contacted. */
export function* contentHashes(from: Random, pace: Pace): Generator<Happening> {
  yield* paced(from, pace, (at) => visit(at, `bafybei${from.text(`${LETTERS}234567`, 52)}.ipfs.dweb.link`));
}

/** Bitcoin and torrent clients: seeds and trackers, short lists, big answers. */
export function* seeds(from: Random, pace: Pace): Generator<Happening> {
  const hosts = [
    'seed.bitcoin.sipa.be',
    'dnsseed.bluematt.me',
    'seed.bitcoinstats.com',
    'router.bittorrent.com',
  ];
  yield* paced(from, pace, (at) => {
    const ips = Array.from({ length: 20 }, () => `198.51.100.${from.int(1, 250)}`);
    const prefix = from.next() < 0.5 ? [`x${from.text(HEX, 1)}`] : [];
    return [
      exchange(at, [...prefix, ...from.pick(hosts).split('.')], {
        answers: ips.map((ip) => addressAnswer(ip)),
        contact: ips[0],
      }),
    ];
  });
}

/** A server of a federation (Matrix, ActivityPub): hundreds of others' domains, each connected to. */
export function* federation(from: Random, pace: Pace): Generator<Happening> {
  const servers = partners(from, 1200).map((name) => name.slice(name.indexOf('.') + 1));
  yield* paced(from, pace, (at) => {
    const server = popular(from, servers);
    const srv = missing(at, `_matrix-fed._tcp.${server}`, 'SRV');
    return [srv, ...visit(at + 0.02, from.next() < 0.3 ? `matrix.${server}` : server)];
  });
}

/** The pool of time servers gives four addresses of thousands, other ones each time. */
export function* timePool(from: Random, pace: Pace): Generator<Happening> {
  yield* paced(from, pace, (at) => {
    const ips = Array.from({ length: 4 }, () => `198.51.${from.int(100, 103)}.${from.int(1, 250)}`);
    const labels = [`${from.int(0, 3)}`, 'debian', 'pool', 'ntp', 'org'];
    return [exchange(at, labels, { answers: ips.map((ip) => addressAnswer(ip, 150)), contact: ips[0] })];
  });
}

/** Follows certificates as they are issued and resolves each name once: any site, any label, nothing contacted. */
export function* certificateWatch(from: Random, pace: Pace): Generator<Happening> {
  const sites = partners(from, 20_000).map((name) => name.slice(name.indexOf('.') + 1));
  const words = ['www', 'mail', 'cpanel', 'webdisk', 'autodiscover', 'dev', 'staging', 'vpn', 'shop', 'api'];
  yield* paced(from, pace, (at) => {
    const host = from.next() < 0.8 ? from.pick(words) : `${from.pick(words)}-${from.text(HEX, 8)}`;
    const rcode = from.next() < 0.3 ? 'NXDOMAIN' : undefined;
    return [resolve(at, `${host}.${from.pick(sites)}`, { rcode })];
  });
}
