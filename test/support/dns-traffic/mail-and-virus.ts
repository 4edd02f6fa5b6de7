/** Look-ups that carry a hash, an address or a domain as their purpose. Nobody connects to what they answer. */
import { address } from '../records.ts';
import { type Exchange, type Happening, nameAnswer, textAnswer } from './exchange.ts';
import { partners } from './local-names.ts';
import { missing, type Pace, paced } from './pace.ts';
import { ALNUM, BASE32, HEX, LETTERS, popular, type Random, random } from './random.ts';
import { exchange } from './tunnel.ts';

const listed = (last: number) => [{ type: 'A', ttl: 60, bytes: 4, data: `127.0.0.${last}` }];

/** One file or web address after another, asked of the vendor by its hash. */
const VENDORS: readonly ((from: Random, at: number) => Exchange)[] = [
  (from, at) =>
    exchange(at, [...`${from.text(HEX, 40)}.${from.text(ALNUM, 16)}.i.00.s.sophosxl.net`.split('.')], {
      qtype: 'TXT',
      answers: [textAnswer(`w ${from.text(BASE32, 30)}`)],
    }),
  (from, at) =>
    exchange(
      at,
      `a-0.19-a3000081.${from.text('0123456789abcdef', 6)}.1518.19d4.3ea1.210.0.${from.text(BASE32, 26)}.avqs.mcafee.com`.split(
        '.',
      ),
      {
        answers: listed(from.pick([0, 128])),
      },
    ),
  (from, at) =>
    exchange(at, `${from.text(BASE32, 52)}.${from.text(BASE32, 26)}.a.e.e5.sk`.split('.'), {
      qtype: 'TXT',
      answers: [textAnswer(from.text(BASE32, 24))],
    }),
  (from, at) =>
    exchange(at, [from.text(LETTERS, 10) + from.int(0, 9999), 'ff', 'avast', 'com'], { answers: listed(2) }),
  (from, at) =>
    from.next() < 0.9
      ? missing(at, `${from.text(HEX, 32)}.malware.hash.cymru.com`)
      : exchange(at, [from.text(HEX, 32), 'malware', 'hash', 'cymru', 'com'], { answers: listed(2) }),
];

export function* antivirus(from: Random, pace: Pace, vendor: number): Generator<Happening> {
  const ask = VENDORS[vendor]!;
  yield* paced(from, pace, (at) => [ask(from, at)]);
}

/** A vendor of no list: the same shape under a zone that nobody ships. Answered from 127.0.0.0/8, as such services do. */
export function* smallReputationService(from: Random, pace: Pace): Generator<Happening> {
  yield* paced(from, pace, (at) => {
    const labels = [from.text(HEX, 32), 'lookup', 'filereputation', 'example-av', 'net'];
    return [from.next() < 0.9 ? missing(at, labels.join('.')) : exchange(at, labels, { answers: listed(2) })];
  });
}

const octets = (from: Random): string[] => Array.from({ length: 4 }, () => `${from.int(1, 254)}`);

/** Each connecting address against block lists (RFC 5782): reversed octets, mostly not listed. */
export function* blockLists(from: Random, pace: Pace): Generator<Happening> {
  const lists =
    'zen.spamhaus.org bl.spamcop.net b.barracudacentral.org dnsbl.sorbs.net psbl.surriel.com'.split(' ');
  yield* paced(from, pace, (at) => {
    const reversed = octets(from).join('.');
    return lists.map((list, i) =>
      from.next() < 0.2
        ? exchange(at + i * 0.001, `${reversed}.${list}`.split('.'), { answers: listed(from.int(2, 11)) })
        : missing(at + i * 0.001, `${reversed}.${list}`),
    );
  });
}

/** A block list of one's own, or one that nobody ships: only the shape tells. */
export function* smallBlockList(from: Random, pace: Pace): Generator<Happening> {
  yield* paced(from, pace, (at) => {
    const labels = [...octets(from), 'bl', 'mailguard-example', 'net'];
    return [from.next() < 0.7 ? missing(at, labels.join('.')) : exchange(at, labels, { answers: listed(2) })];
  });
}

/** Domains in message bodies, hashes of addresses, rspamd's network numbers. */
export function* bodyChecks(from: Random, pace: Pace): Generator<Happening> {
  const domains = partners(from, 3000).map((name) => name.slice(name.indexOf('.') + 1));
  yield* paced(from, pace, (at) => {
    const domain = popular(from, domains);
    return [
      missing(at, `${domain}.multi.surbl.org`),
      missing(at + 0.001, `${domain}.multi.uribl.com`),
      missing(at + 0.002, `${domain}.dbl.spamhaus.org`),
      missing(at + 0.003, `${from.text(HEX, 40)}.ebl.msbl.org`),
      exchange(at + 0.004, [...octets(from), 'asn', 'rspamd', 'com'], {
        qtype: 'TXT',
        answers: [textAnswer('64500|198.51.100.0/24|DE|ripencc|')],
      }),
    ];
  });
}

/** Who may send for a domain: SPF with includes and macros (RFC 7208), DKIM keys (RFC 6376), DMARC (RFC 7489). */
export function* mailServer(from: Random, pace: Pace): Generator<Happening> {
  const domains = partners(from, 2000).map((name) => name.slice(name.indexOf('.') + 1));
  /** A domain keeps its one or two; some mailers make them up once. */
  const selectors = Array.from({ length: 97 }, (_, i) => (i % 2 === 0 ? 's1' : from.text(ALNUM, 16)));
  const includes =
    '_spf.google.com spf.protection.outlook.com sendgrid.net amazonses.com spf.mandrillapp.com'.split(' ');
  yield* paced(from, pace, (at) => {
    const domain = popular(from, domains);
    const sender = octets(from);
    const text = (name: string, answer: string) =>
      exchange(at, name.split('.'), { qtype: 'TXT', answers: [textAnswer(answer)] });
    const selector = selectors[domains.indexOf(domain) % selectors.length]!;
    return [
      exchange(at, [...sender, 'in-addr', 'arpa'], {
        qtype: 'PTR',
        answers: [nameAnswer('PTR', `mail.${domain}`)],
      }),
      exchange(at, domain.split('.'), { qtype: 'MX', answers: [nameAnswer('MX', `mx.${domain}`)] }),
      text(domain, `v=spf1 include:${includes[domain.length % includes.length]} -all`),
      text(from.pick(includes), 'v=spf1 ip4:198.51.100.0/24 ~all'),
      exchange(at, [...sender, '_spf', 'mta', 'salesforce', 'com'], { answers: listed(2) }),
      text(`${selector}._domainkey.${domain}`, `v=DKIM1; k=rsa; p=${keyOf(domain)}`),
      text(`_dmarc.${domain}`, `v=DMARC1; p=reject; rua=mailto:d@${domain}`),
    ];
  });
}

/** 2048 bits in base64, the same at every look-up. */
function keyOf(domain: string): string {
  return random(domain.length * 31 + domain.charCodeAt(0)).text(ALNUM, 392);
}

/** SPF macros of one vendor in no list: `exists:%{i}.spf.<vendor>` says four octets a message. */
export function* spfMacros(from: Random, pace: Pace): Generator<Happening> {
  yield* paced(from, pace, (at) => [
    from.next() < 0.95
      ? exchange(at, [...octets(from), 'spf', 'hosted-mail-example', 'com'], { answers: listed(2) })
      : missing(at, `${octets(from).join('.')}.spf.hosted-mail-example.com`),
  ]);
}

/** Log lines or connections turned into names: addresses from everywhere, half of them without one. */
export function* reverseSweep(from: Random, pace: Pace): Generator<Happening> {
  yield* paced(from, pace, (at) => {
    const labels = [...octets(from), 'in-addr', 'arpa'];
    if (from.next() < 0.5) return [missing(at, labels.join('.'), 'PTR')];
    return [
      exchange(at, labels, {
        qtype: 'PTR',
        answers: [nameAnswer('PTR', `host-${from.text(ALNUM, 8)}.isp-example.net`)],
      }),
    ];
  });
}

/** A scanner of one's own ranges: every address of some /24, in order. */
export function* reverseRange(from: Random, pace: Pace): Generator<Happening> {
  yield* paced(from, pace, (at, i) => [
    exchange(at, [`${i & 255}`, `${(i >> 8) & 255}`, '20', '10', 'in-addr', 'arpa'], {
      qtype: 'PTR',
      answers: [nameAnswer('PTR', `h${i & 255}.example-company.com`)],
    }),
  ]);
}

/** Visitors with IPv6: the privacy addresses of one provider's customers (RFC 8981), 80 random bits each. */
export function* reverseSix(from: Random, pace: Pace): Generator<Happening> {
  yield* paced(from, pace, (at) => [
    missing(at, [...from.text(HEX, 24), ...'8bd01002', 'ip6', 'arpa'].join('.'), 'PTR'),
  ]);
}

/** Names of a mail gateway's quarantine run: asks the same block list straight, past the resolver, with a key. */
export function* keyedBlockList(from: Random, pace: Pace): Generator<Happening> {
  const key = from.text(BASE32, 26);
  const server = address('172.30.0.2', 'lan', { port: 53 });
  yield* paced(from, pace, (at) => [
    { ...missing(at, `${octets(from).join('.')}.${key}.zen.dq.spamhaus.net`), server },
  ]);
}
