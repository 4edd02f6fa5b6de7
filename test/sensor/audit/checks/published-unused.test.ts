import { describe, expect, it } from 'vitest';
import type { Talk, TrafficHistory } from '../../../../src/model/traffic-history.ts';
import check from '../../../../src/sensor/audit/checks/published-unused.ts';
import { container, failure, history, outcomes, port, results, service, T0 } from '../support.ts';
import { LAN, talk } from '../talks.ts';

const DAY_SECS = 86_400;
const DAY = DAY_SECS * 1_000_000;
const container80 = container('web', { networks: ['front'], published: [port('0.0.0.0', 8080, 80)] });
const facts = (talks: readonly Talk[], fields: Partial<TrafficHistory> = {}, containers = [container80]) => ({
  containers,
  traffic: history({ talks, ...fields }),
});
const published = { nat: 'published-port', publishedPort: 8080 } as const;

describe('published-unused', () => {
  it('fails where nobody came, and names the port and the time', () => {
    const found = failure(check, facts([]));

    expect(found).toMatchObject({ severity: 'low', objects: [{ name: 'web' }] });
    expect(found.explanation).toBe(
      'web publishes 0.0.0.0:8080->80/tcp, and nobody came there in 10 d of watching until 2026-12-03 14:00:00Z.',
    );
  });

  it.each([
    ['from the Internet', talk(published)],
    ['from the LAN', talk({ ...published, orig: LAN })],
    ['and was not answered', talk({ ...published, answered: 0 })],
    ['without a word of the port that was asked', talk()],
  ])('passes where somebody came %s', (_name, came) => {
    expect(outcomes(check, facts([came]))).toEqual(['pass web']);
  });

  it.each([
    ['another port of the host that leads there too', talk({ ...published, publishedPort: 9090 })],
    ['another port of the container', talk({ ...published, respPort: 81 })],
    ['the same port over UDP', talk({ ...published, protocol: 'udp' })],
    ['another container', talk({ ...published, resp: { scope: 'container', service: 'api' } })],
    ['it from a neighbour, by its own address', talk({ orig: { scope: 'container', service: 'api' } })],
  ])('fails where somebody came to %s only', (_name, came) => {
    expect(outcomes(check, facts([came]))).toEqual(['fail low web']);
  });

  it('judges each port of the host by itself', () => {
    const both = container('web', { published: [port('0.0.0.0', 8080, 80), port('0.0.0.0', 9090, 81)] });

    expect(failure(check, facts([talk(published)], {}, [both])).evidence['ports']).toEqual([
      '0.0.0.0:9090->81/tcp',
    ]);
  });

  it('is about ports beyond loopback', () => {
    const local = container('web', { published: [port('127.0.0.1', 8080, 80), port('::1', 8080, 80)] });

    expect(outcomes(check, facts([], {}, [local]))).toEqual(['not-applicable']);
  });

  it('advises loopback where only the host itself comes, and a common network where only containers do', () => {
    const web = service('shop', 'web', { published: [port('0.0.0.0', 8080, 80), port('0.0.0.0', 9090, 81)] });
    const resp = { scope: 'container', service: 'shop/web' };
    const reached = talk({ resp, respPort: 81 });
    const by = (orig: Talk['orig']) =>
      failure(check, facts([reached, talk({ ...published, resp, orig })], {}, [web]));

    expect(by({ scope: 'host', ip: '127.0.0.1' })).toMatchObject({
      explanation: expect.stringContaining('nobody but this host itself came there'),
      remedy: { compose: expect.stringContaining('- "127.0.0.1:8080:80"\n      - "9090:81"') },
    });
    expect(by({ scope: 'container', service: 'shop/api' })).toMatchObject({
      explanation: expect.stringContaining('nobody but shop/api came there'),
      remedy: {
        what: expect.stringContaining('Join shop/api'),
        compose: expect.not.stringContaining('8080'),
      },
    });
  });

  it.each<[string, Partial<TrafficHistory>, string]>([
    ['too little was watched', { watchedSecs: 7 * DAY_SECS - 1 }, 'Stored flows tell of 6 d 23 h only'],
    ['there were too many talks', { isPartial: true }, 'more different talks'],
    ['its network was not covered', { uncovered: ['back', 'front'] }, 'was seen on front'],
  ])('does not know where %s', (_name, fields, why) => {
    const [found] = results(check, facts([], fields));

    expect(found).toMatchObject({ outcome: 'unknown', explanation: expect.stringContaining(why) });
    expect(found?.remedy?.what).toBeDefined();
    expect(outcomes(check, facts([talk(published)], fields))).toEqual(['pass web']);
  });

  it('fails at the very threshold, and where only other networks were not covered', () => {
    const fields = { watchedSecs: 7 * DAY_SECS, until: T0 + 7 * DAY, uncovered: ['back'] };

    expect(outcomes(check, facts([], fields))).toEqual(['fail low web']);
  });

  it('asks for enough time since the container was started, the worst taken of what was not watched', () => {
    const started = (days: number) => [{ ...container80, startedAt: T0 + days * DAY }];
    const away = { watchedSecs: 9 * DAY_SECS };

    expect(outcomes(check, facts([], {}, started(3)))).toEqual(['fail low web']);
    expect(outcomes(check, facts([], {}, started(3.1)))).toEqual(['unknown web']);
    expect(outcomes(check, facts([], away, started(2)))).toEqual(['fail low web']);
    expect(outcomes(check, facts([], away, started(2.1)))).toEqual(['unknown web']);
  });

  it('does not know where translation hid who came', () => {
    const hidden = talk({ nat: 'unknown', orig: { scope: 'unknown' } });

    expect(outcomes(check, facts([hidden]))).toEqual(['unknown web']);
    expect(outcomes(check, facts([hidden, talk(published)]))).toEqual(['pass web']);
  });

  it('does not know where somebody came to that port of a container that has no name', () => {
    const nobody = talk({ ...published, resp: { scope: 'container' } });

    expect(outcomes(check, facts([nobody]))).toEqual(['unknown web']);
    expect(outcomes(check, facts([{ ...nobody, publishedPort: 9090 }]))).toEqual(['fail low web']);
    expect(outcomes(check, facts([talk({ resp: { scope: 'internet' }, direction: 'egress' })]))).toEqual([
      'fail low web',
    ]);
  });
});
