/** Names that machines make for machines: content networks, storage, agents, tenants, certificates. Mostly contacted. */
import { type Happening, nameAnswer, textAnswer } from './exchange.ts';
import { partners } from './local-names.ts';
import { missing, type Pace, paced, resolve, visit } from './pace.ts';
import { ALNUM, BASE32, BASE64, DIGITS, HEX, LETTERS, popular, type Random, uuid } from './random.ts';
import { exchange } from './tunnel.ts';

/** Hosts as the big content networks name them; a browser or a media server connects to each. */
export function cdnName(from: Random): string {
  switch (from.int(0, 7)) {
    case 0:
      return `d${from.text(ALNUM, 13)}.cloudfront.net`;
    case 1:
      return `e${from.int(1000, 99_999)}.dsc${from.text('abcdefgx', 1)}.akamaiedge.net`;
    case 2:
      return `r${from.int(1, 20)}---sn-${from.text(ALNUM, 8)}.googlevideo.com`;
    case 3:
      return `ipv4-c${from.int(1, 200)}-${from.text(LETTERS, 3)}00${from.int(1, 9)}-ix.1.oca.nflxvideo.net`;
    case 4:
      return `cache${from.int(1, 30)}-${from.text(LETTERS, 3)}${from.int(1, 4)}.steamcontent.com`;
    case 5:
      return `${from.text(ALNUM, 10)}.execute-api.eu-west-1.amazonaws.com`;
    case 6:
      return `${from.text(HEX, 32).toUpperCase()}.gr7.eu-west-1.eks.amazonaws.com`;
    default:
      return `scontent-${from.text(LETTERS, 3)}${from.int(1, 9)}-1.xx.fbcdn.net`;
  }
}

export function* cdnContacted(from: Random, pace: Pace): Generator<Happening> {
  yield* paced(from, pace, (at) => visit(at, cdnName(from)));
}

/** Prefetch, a proxy that resolves for a log, a feed reader that got it from a cache: asked, never contacted. */
export function* cdnNotContacted(from: Random, pace: Pace): Generator<Happening> {
  yield* paced(from, pace, (at) => [resolve(at, cdnName(from))]);
}

/** A content network that is in nobody's list: the edges of one region, with a place and a number, contacted. */
export function* smallCdn(from: Random, pace: Pace): Generator<Happening> {
  const edges = Array.from(
    { length: 40 },
    () => `edge-${from.text(LETTERS, 3)}${from.int(1, 9)}-${from.int(100, 999)}.cdn-example-media.net`,
  );
  yield* paced(from, pace, (at) => visit(at, from.pick(edges)));
}

/** A bucket a customer, as some products have it; a bucket's name is its zone's first label. */
export function* buckets(from: Random, pace: Pace): Generator<Happening> {
  yield* paced(from, pace, (at) => {
    const kind = from.int(0, 3);
    if (kind === 0) return visit(at, `${uuid(from)}.s3.eu-west-1.amazonaws.com`);
    if (kind === 1) return visit(at, `${from.text(ALNUM, 18)}.blob.core.windows.net`);
    if (kind === 2) return visit(at, `backup-${from.text(HEX, 12)}.s3.amazonaws.com`);
    return visit(at, 'storage.googleapis.com');
  });
}

/** An object store of one's own with a bucket a tenant, virtual-host style. */
export function* ownBuckets(from: Random, pace: Pace): Generator<Happening> {
  const tenants = Array.from({ length: 400 }, () => uuid(from));
  yield* paced(from, pace, (at) => visit(at, `${popular(from, tenants)}.objects.example-company.com`));
}

/** Agents that send metrics: version and product in the name, a flush every few seconds. */
export function* agents(from: Random, pace: Pace): Generator<Happening> {
  const names = (
    '7-52-0-app.agent.datadoghq.com trace.agent.datadoghq.com intake.profile.datadoghq.com process.datadoghq.com ' +
    'agent-intake.logs.datadoghq.com api.datadoghq.com o447951.ingest.sentry.io o1158394.ingest.sentry.io ' +
    'collector-008.eu01.nr-data.net metric-api.eu.newrelic.com log-api.newrelic.com ingest.lightstep.com ' +
    'events.launchdarkly.com clientstream.launchdarkly.com in.logs.betterstack.com'
  ).split(' ');
  yield* paced(from, pace, (at) => visit(at, popular(from, names)));
}

/** Webhooks to customers of one platform: a name a tenant below one domain, each contacted. */
export function* tenants(from: Random, pace: Pace): Generator<Happening> {
  const names = Array.from({ length: 800 }, () => partners(from, 1)[0]!.split('.')[1]!);
  yield* paced(from, pace, (at) => visit(at, `${from.pick(names)}.saas-platform-example.com`));
}

/** A check from outside in: a fresh name each time so that no cache answers, then the page. */
export function* uuidHealthChecks(from: Random, pace: Pace): Generator<Happening> {
  yield* paced(from, pace, (at) => visit(at, `${uuid(from)}.probe.monitoring-example.com`));
}

/** A certificate client: names of many customers, before and after the record is set (RFC 8555, and delegated). */
export function* acme(from: Random, pace: Pace): Generator<Happening> {
  const customers = partners(from, 1500).map((name) => name.slice(name.indexOf('.') + 1));
  yield* paced(from, pace, (at) => {
    const customer = from.pick(customers);
    const challenge = ['_acme-challenge', 'www', ...customer.split('.')];
    return [
      exchange(at, customer.split('.'), { qtype: 'SOA', rcode: 'NOERROR' }),
      exchange(at + 0.05, customer.split('.'), { qtype: 'CAA', rcode: 'NOERROR' }),
      missing(at + 0.1, challenge.join('.'), 'TXT'),
      exchange(at + 5, challenge, {
        qtype: 'TXT',
        answers: [textAnswer(from.text(BASE64.slice(0, 62), 43))],
      }),
    ];
  });
}

/** One platform's own certificates: a challenge for each of its tenants below one domain. */
export function* acmeTenants(from: Random, pace: Pace): Generator<Happening> {
  yield* paced(from, pace, (at) => {
    const tenant = partners(from, 1)[0]!.split('.')[1]!;
    const labels = ['_acme-challenge', tenant, 'saas-platform-example', 'com'];
    return [
      missing(at, labels.join('.'), 'TXT'),
      exchange(at + 2, labels, { qtype: 'TXT', answers: [textAnswer(from.text(BASE64.slice(0, 62), 43))] }),
    ];
  });
}

/** Validation names of a certificate service: a random label a customer, looked at again before each renewal. */
export function* validation(from: Random, pace: Pace): Generator<Happening> {
  const customers = partners(from, 300).map((name) => ({
    asked: [`_${from.text(HEX, 32)}`, ...name.split('.').slice(1)],
    target: `_${from.text(HEX, 32)}.${from.text(LETTERS, 10)}.acm-validations.aws`,
  }));
  yield* paced(from, pace, (at) => {
    const { asked, target } = from.pick(customers);
    return [
      exchange(at, asked, { qtype: 'CNAME', answers: [nameAnswer('CNAME', target)] }),
      exchange(at + 0.02, target.split('.'), { qtype: 'TXT', rcode: 'NOERROR' }),
    ];
  });
}

/** A home media server: addresses with dashes and the server's hash, a certificate for each (`*.<hash>.plex.direct`). */
export function* mediaServers(from: Random, pace: Pace): Generator<Happening> {
  const friends = Array.from({ length: 12 }, () => from.text(HEX, 32));
  yield* paced(from, pace, (at) => {
    const ip = from.pick(['192-168-1-20', '172-17-0-1', '198-51-100-7']);
    return visit(at, `${ip}.${from.pick(friends)}.plex.direct`);
  });
}

/** Preview environments and device names: dashed addresses and random words of one's own wildcard. */
export function* previews(from: Random, pace: Pace): Generator<Happening> {
  yield* paced(from, pace, (at, i) =>
    visit(at, `pr-${1000 + Math.floor(i / 20)}-web.preview.example-company.com`),
  );
}

/** A licence or telemetry call home once an hour, with the installation's id in the name. */
export function* callHome(from: Random, pace: Pace): Generator<Happening> {
  const id = from.text(BASE32, 26);
  yield* paced(from, pace, (at) => [resolve(at, `${id}.v${from.int(1, 3)}.license.vendor-example.com`)]);
}

/** A map or image host that spreads load over numbered names. */
export function* tiles(from: Random, pace: Pace): Generator<Happening> {
  yield* paced(from, pace, (at) =>
    visit(at, `${from.pick(['a', 'b', 'c', 'd'])}${from.text(DIGITS, 1)}.tile.maps-example.org`),
  );
}
