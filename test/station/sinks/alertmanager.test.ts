import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Finding } from '../../../src/model/finding.ts';
import { type PublicFinding, parseRecord } from '../../../src/model/serialize.ts';
import {
  type AlertOptions,
  alertOf,
  identityOf,
  labelText,
} from '../../../src/station/sinks/alertmanager/alert.ts';
import { AlertBook } from '../../../src/station/sinks/alertmanager/book.ts';
import { alertmanagerSink } from '../../../src/station/sinks/alertmanager.ts';
import type { SinkDeps } from '../../../src/station/sinks/definition.ts';
import type { Sink } from '../../../src/station/sinks/sink.ts';
import { sinkCompliance } from '../../compliance/sink.ts';
import { entryOf, memoryLogger, until } from '../support/harness.ts';
import { HOSTILE_TEXTS } from '../support/hostile.ts';
import { database, endpoint, finding, outside, T0 } from '../support/records.ts';
import { answerWith, HANG, startWebhookPeer, TAKE, type WebhookPeer } from '../support/webhook-peer.ts';

const SECRET = 'correct-horse-battery';
const never = new AbortController().signal;

interface SeenAlert {
  readonly labels: Record<string, string>;
  readonly annotations: Record<string, string>;
  readonly startsAt: string;
  readonly endsAt: string;
}

function sinkOf(options: Record<string, unknown>, over: Partial<SinkDeps> = {}): Sink {
  const config = alertmanagerSink.config.parse({ type: 'alertmanager', ...options });
  return alertmanagerSink.create(config, {
    logger: memoryLogger().logger,
    host: 'host1',
    version: '1.2.3',
    now: () => T0,
    ...over,
  });
}

sinkCompliance('alertmanager', async (logger) => {
  const peer = await startWebhookPeer();
  const sink = sinkOf(
    { url: peer.url, timeout_ms: 60_000, headers: { authorization: SECRET } },
    { logger, openFindings: () => [] },
  );
  return {
    sink,
    secret: SECRET,
    stored: () => {
      const alerts = peer.taken.flatMap(({ body }) => JSON.parse(body) as SeenAlert[]);
      return [...new Set(alerts.map(({ annotations }) => annotations['finding_id']!))];
    },
    attempts: () => peer.posts.length,
    accept: () => peer.answer(TAKE),
    fail: () => peer.answer(answerWith(503)),
    refuse: () => peer.answer(answerWith(401)),
    reject: (text) =>
      peer.answer((posted, reply) => reply.writeHead(posted.body.includes(`"${text}"`) ? 400 : 200).end()),
    hang: () => peer.answer(HANG),
    close: () => peer.close(),
  };
});

const OPTIONS: AlertOptions = { host: 'host1', labels: {} };
const NOW_MS = T0 / 1000 + 60_000;

const publicOf = (over: Partial<Finding> = {}) =>
  parseRecord(entryOf(finding(1, over)).text) as PublicFinding;

function labelsOf(over: Partial<Finding> = {}): Readonly<Record<string, string>> {
  return alertOf(publicOf(over), OPTIONS, NOW_MS).labels;
}

describe('an alert', () => {
  it('has labels that say what one routes and silences by', () => {
    expect(labelsOf()).toEqual({
      alertname: 'internal-egress',
      job: 'bridgewatch',
      severity: 'high',
      network: 'shop_data',
      service: 'shop/db',
      host: 'host1',
      finding_key: expect.stringMatching(/^[0-9a-f]{12}$/),
    });
  });

  it('has the same labels for every report of a finding, and when it returns', () => {
    const later: Partial<Finding> = {
      status: 'update',
      count: 9,
      message: 'established',
      lastSeen: T0 + 5e6,
      evidence: { attempts: 99 },
      explanation: 'another sentence',
      peers: [outside({ ip: '198.51.100.9' })],
    };

    expect(labelsOf(later)).toEqual(labelsOf());
    expect(labelsOf({ status: 'closed' })).toEqual(labelsOf());
    expect(labelsOf({ id: 'f-99', firstSeen: T0 + 9e9 })).toEqual(labelsOf());
  });

  it('is another one for another finding of the same container', () => {
    expect(labelsOf({ key: 'internal-egress:other' })).not.toEqual(labelsOf());
    expect(labelsOf({ analyzer: 'other' })['finding_key']).not.toBe(labelsOf()['finding_key']);
  });

  it('has no address in a label, of which there are without number', () => {
    const { workload: _, ...nobody } = endpoint({ ip: '198.51.100.77', scope: 'internet' });

    expect(labelsOf({ subject: nobody })['service']).toBe('internet');
    expect(JSON.stringify(labelsOf({ subject: nobody }))).not.toContain('198.51.100');
  });

  it('explains itself in its annotations', () => {
    const { annotations } = alertOf(
      publicOf(),
      { ...OPTIONS, runbook_url: 'https://docs.example/analyzers/{analyzer}.md?f={id}' },
      NOW_MS,
    );

    expect(annotations).toMatchObject({
      summary: 'Egress from an internal network',
      description: 'shop/db tried to reach 198.51.100.7:443 from the internal network shop_data',
      evidence: 'attempts=3, ports=443 8443',
      finding_id: 'f-1',
      runbook_url: 'https://docs.example/analyzers/internal-egress.md?f=f-1',
    });
  });

  it('does not begin in the future, whatever clock the record is of', () => {
    expect(alertOf(publicOf({ firstSeen: T0 + 1e12 }), OPTIONS, NOW_MS).startsAt).toBe(
      new Date(NOW_MS).toISOString(),
    );
    expect(alertOf(publicOf({ firstSeen: 3e17 }), OPTIONS, NOW_MS).startsAt).toBe(
      new Date(NOW_MS).toISOString(),
    );
  });

  it.each([...HOSTILE_TEXTS, '<!channel>', '@everyone', 'x'.repeat(10_000)])(
    'stands whatever a name is: %j',
    (name) => {
      const { labels, annotations } = alertOf(
        publicOf({
          explanation: name,
          network: name,
          subject: endpoint({ workload: { ...database, composeService: name } }),
          peers: [outside({ names: [name] })],
        }),
        OPTIONS,
        NOW_MS,
      );

      for (const text of [...Object.values(labels), ...Object.values(annotations)]) {
        expect(text).not.toBe('');
        expect(text).not.toMatch(/\p{Cc}|[<>]|@[a-z]/u);
        expect(Buffer.from(text, 'utf8').toString('utf8')).toBe(text);
        expect(text.length).toBeLessThanOrEqual(2000);
      }
      for (const text of Object.values(labels)) expect(text.length).toBeLessThanOrEqual(200);
    },
  );
});

describe('the book of alerts', () => {
  const EXPIRE = 900_000;
  const MIN = 300_000;
  let book: AlertBook;
  let now: number;

  beforeEach(() => {
    book = new AlertBook({ ...OPTIONS, expireMs: EXPIRE, minFiringMs: MIN, firesMuted: false });
    now = NOW_MS;
  });

  /** What would be sent, as severity and how long from now it lasts. */
  function told(...findings: PublicFinding[]): (readonly [string, number])[] {
    const plan = book.plan(now);
    for (const each of findings) plan.tell(each);
    book.commit(plan);
    return plan.alerts.map(({ labels, endsAt }) => [labels['severity']!, Date.parse(endsAt) - now] as const);
  }

  function toldAgain(open?: readonly PublicFinding[]): (readonly [string, number])[] {
    const plan = book.plan(now);
    for (const each of open ?? []) plan.tell(each);
    plan.tellOthers(new Set((open ?? []).map(identityOf)), open !== undefined);
    book.commit(plan);
    return plan.alerts.map(({ labels, endsAt }) => [labels['severity']!, Date.parse(endsAt) - now] as const);
  }

  it('fires while open, and is resolved when closed', () => {
    expect(told(publicOf())).toEqual([['high', EXPIRE]]);
    now += MIN;
    expect(told(publicOf({ status: 'update' }))).toEqual([['high', EXPIRE]]);
    expect(told(publicOf({ status: 'closed' }))).toEqual([['high', 0]]);
    expect(toldAgain([])).toEqual([]);
  });

  it('fires for a while when it is closed at once, so that somebody hears of it', () => {
    expect(told(publicOf(), publicOf({ status: 'closed' }))).toEqual([['high', EXPIRE]]);
    now += MIN - 1;
    expect(toldAgain([])).toEqual([['high', EXPIRE]]);
    now += 1;
    expect(toldAgain([])).toEqual([['high', 0]]);
    expect(toldAgain([])).toEqual([]);
  });

  it('is told again as the store knows it', () => {
    expect(toldAgain([publicOf()])).toEqual([['high', EXPIRE]]);
    now += 60_000;
    expect(toldAgain([publicOf()])).toEqual([['high', EXPIRE]]);
  });

  it('without a store, from memory', () => {
    told(publicOf());
    now += 60_000;
    expect(toldAgain(undefined)).toEqual([['high', EXPIRE]]);
  });

  it('is resolved when the store says that it is closed, though nobody told', () => {
    told(publicOf());
    now += MIN;
    expect(toldAgain([])).toEqual([['high', 0]]);
    expect(toldAgain([])).toEqual([]);
  });

  it('ends as what it was when it gets graver', () => {
    told(publicOf({ severity: 'low' }));

    expect(told(publicOf({ severity: 'high', status: 'update' }))).toEqual([
      ['low', 0],
      ['high', EXPIRE],
    ]);
    now += MIN;
    expect(told(publicOf({ severity: 'high', status: 'closed' }))).toEqual([['high', 0]]);
  });

  it('fires again when it returns before it was over', () => {
    expect(told(publicOf(), publicOf({ status: 'closed' }), publicOf({ id: 'f-2' }))).toEqual([
      ['high', EXPIRE],
    ]);
    now += MIN;
    expect(toldAgain([publicOf({ id: 'f-2' })])).toEqual([['high', EXPIRE]]);
  });

  it('is resolved at once when nothing is known of it but its end', () => {
    expect(told(publicOf({ status: 'closed' }))).toEqual([['high', 0]]);
  });

  it('is not changed by what did not arrive', () => {
    const plan = book.plan(now);
    plan.tell(publicOf());

    expect(toldAgain(undefined)).toEqual([]);
    book.commit(plan);
    expect(toldAgain(undefined)).toEqual([['high', EXPIRE]]);
  });

  it('of two alerts with the same labels the latest word is told', () => {
    const plan = book.plan(now);
    plan.tell(publicOf({ count: 1 }));
    plan.tell(publicOf({ count: 2, status: 'update' }));

    expect(plan.alerts.map(({ annotations }) => annotations['reports'])).toEqual(['2']);
    expect(labelText(plan.alerts[0]!)).toContain('internal-egress');
  });
});

describe('AlertmanagerSink', () => {
  let peer: WebhookPeer;
  let sinks: Sink[];

  beforeEach(async () => {
    peer = await startWebhookPeer();
    sinks = [];
  });

  afterEach(async () => {
    for (const sink of sinks) await sink.close();
    await peer.close();
  });

  async function prepared(
    options: Record<string, unknown> = {},
    over: Partial<SinkDeps> = {},
  ): Promise<Sink> {
    const sink = sinkOf({ url: `${peer.url}/am/`, resend_secs: 1, expire_secs: 5, ...options }, over);
    sinks.push(sink);
    await sink.prepare(never);
    return sink;
  }

  it('posts to the API below the path of the address', async () => {
    const sink = await prepared({ labels: { team: 'ops' } });

    await sink.write([entryOf(finding(1))], never);

    expect(peer.posts[0]).toMatchObject({ method: 'POST', path: '/am/api/v2/alerts' });
    const [alert] = JSON.parse(peer.posts[0]!.body) as SeenAlert[];
    expect(alert?.labels).toMatchObject({ alertname: 'internal-egress', team: 'ops' });
    expect(alert?.startsAt).toBe('2026-11-23T14:00:00.000Z');
    expect(alert?.endsAt).toBe('2026-11-23T14:00:05.000Z');
  });

  it('tells again by itself what is open and for it', async () => {
    const open = [entryOf(finding(1)).text, entryOf(finding(2, { severity: 'low' })).text];
    await prepared({ min_severity: 'medium' }, { openFindings: () => open });

    await until('being told again', () => peer.posts.length > 0);

    const alerts = JSON.parse(peer.posts[0]!.body) as SeenAlert[];
    expect(alerts.map(({ annotations }) => annotations['finding_id'])).toEqual(['f-1']);
  });

  it('tells many again in requests of a bounded size', async () => {
    const open = Array.from({ length: 450 }, (_, i) => entryOf(finding(i)).text);
    await prepared({}, { openFindings: () => open });

    await until('three requests', () => peer.posts.length >= 3);

    const sizes = peer.posts.slice(0, 3).map(({ body }) => (JSON.parse(body) as SeenAlert[]).length);
    expect(sizes).toEqual([200, 200, 50]);
  });

  it('does not tell a resolved alert again that it was about to', async () => {
    // The answer to the timer's telling is held back while the finding is closed.
    let release = () => {};
    peer.answer((_, reply) => {
      release = () => reply.writeHead(200).end();
    });
    const open = [entryOf(finding(1)).text];
    const sink = await prepared({ min_firing_secs: 0 }, { openFindings: () => open });
    await until('being told again', () => peer.posts.length === 1);
    const write = sink.write([entryOf(finding(1, { status: 'closed' }))], never);
    open.length = 0;
    expect(peer.posts).toHaveLength(1);
    peer.answer(TAKE);
    release();
    await write;

    const ends = peer.posts.map(({ body }) => (JSON.parse(body) as SeenAlert[])[0]?.endsAt);
    expect(ends).toEqual(['2026-11-23T14:00:05.000Z', '2026-11-23T14:00:00.000Z']);
  });

  it('says once that it cannot tell again, and when it can', async () => {
    peer.answer(answerWith(503));
    const log = memoryLogger();
    await prepared({}, { logger: log.logger, openFindings: () => [entryOf(finding(1)).text] });
    await until('two attempts', () => peer.posts.length >= 2);
    peer.answer(TAKE);
    await until('success', () => log.lines.some(({ msg }) => msg === 'open alerts are told again'));

    expect(log.lines.map(({ msg }) => msg)).toEqual([
      'open alerts cannot be told again; they end by themselves when this lasts',
      'open alerts are told again',
    ]);
  });

  it('says what it found when it is asked', async () => {
    const sink = sinkOf({ url: peer.url });
    sinks.push(sink);

    expect(await sink.check(never)).toBe(`Alertmanager at ${peer.url} answers`);
    expect(peer.posts[0]).toMatchObject({ method: 'GET', path: '/api/v2/status' });
    peer.answer(answerWith(404));
    await expect(sink.check(never)).rejects.toMatchObject({ remedy: 'act' });
  });

  it.each([
    [{ url: 'http://a.example', expire_secs: 100 }, 'expire_secs'],
    [{ url: 'http://a.example', labels: { severity: 'page' } }, 'labels'],
    [{ url: 'http://a.example', kinds: ['flow'] }, 'kinds'],
    [{}, 'url'],
    [{ url: 'http://a.example', runbook_url: 'javascript:alert(1)' }, 'runbook_url'],
  ])('%j is refused at %s', (options, option) => {
    const parsed = alertmanagerSink.config.safeParse({ type: 'alertmanager', ...options });

    expect(parsed.error?.issues.map(({ path }) => path[0])).toEqual([option]);
  });
});
