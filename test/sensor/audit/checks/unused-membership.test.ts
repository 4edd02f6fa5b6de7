import { describe, expect, it } from 'vitest';
import type { Talk, TrafficHistory } from '../../../../src/model/traffic-history.ts';
import check from '../../../../src/sensor/audit/checks/unused-membership.ts';
import { failure, history, network, outcomes, results, service } from '../support.ts';
import { eastWest, talk } from '../talks.ts';

const DAY_SECS = 86_400;
const networks = [network('back'), network('data', { internal: true }), network('front')];
const api = service('shop', 'api', { networks: ['back', 'data', 'front'] });
const on = (name: string) => eastWest(name, 'shop/api', `peer-on-${name}`);
const facts = (talks: readonly Talk[], fields: Partial<TrafficHistory> = {}, containers = [api]) => ({
  networks,
  containers,
  traffic: history({ talks, memberships: memberships(10), ...fields }),
});

function memberships(days: number) {
  return api.networks.map((name) => ({ network: name, service: 'shop/api', watchedSecs: days * DAY_SECS }));
}

describe('unused-membership', () => {
  it('fails for each network where it talks with nobody, while it talks on another', () => {
    const found = failure(check, facts([on('front'), on('back')]));

    expect(found).toMatchObject({
      ...{ severity: 'low', networks: ['data'], topic: 'data' },
      objects: [{ name: 'shop/api' }, { name: 'data' }],
    });
    expect(found.explanation).toBe(
      'shop/api is on data and talked with nobody there in 10 d of watching until 2026-12-03 14:00:00Z, while it talked on back and front.',
    );
    expect(found.remedy?.compose).toContain('networks: [back, front]  # without data');
  });

  it('passes where it talks on all, as the one who asks or the one who is asked, and where it talks nowhere', () => {
    expect(outcomes(check, facts([on('front'), on('back'), eastWest('data', 'x', 'shop/api')]))).toEqual([
      'pass shop/api',
    ]);
    expect(outcomes(check, facts([]))).toEqual(['pass shop/api']);
  });

  it('leaves alone the network by which it goes out: as seen, else the first by name that is not internal', () => {
    const out = talk({ ...on('front'), direction: 'egress', resp: { scope: 'internet' } });

    expect(outcomes(check, facts([on('front'), on('data')]))).toEqual(['pass shop/api']);
    expect(outcomes(check, facts([out, on('data')]))).toEqual(['fail low shop/api,back']);
  });

  it('takes an attempt out of an internal network for no way out', () => {
    const attempt = talk({ ...on('data'), direction: 'egress', resp: { scope: 'internet' } });

    expect(outcomes(check, facts([attempt]))).toEqual(['fail low shop/api,front']);
  });

  it('takes multicast for no talk with anybody', () => {
    const noise = talk({ ...on('data'), resp: { scope: 'multicast' } });

    expect(outcomes(check, facts([on('back'), on('front'), noise]))).toEqual(['fail low shop/api,data']);
  });

  it('is about containers on several networks', () => {
    const one = service('shop', 'api', { networks: ['data'] });

    expect(outcomes(check, facts([], {}, [one]))).toEqual(['not-applicable']);
  });

  const quiet = [on('front'), on('back')];

  it.each<[string, Partial<TrafficHistory>]>([
    ['too little was watched', { watchedSecs: 7 * DAY_SECS - 1 }],
    ['there were too many talks', { isPartial: true }],
    ['that network was not covered', { uncovered: ['data'] }],
    ['it was not on it for long', { memberships: memberships(6.9) }],
    ['it was never seen on it', { memberships: [] }],
  ])('does not know where %s', (_name, fields) => {
    const [found] = results(check, facts(quiet, fields));

    expect(found).toMatchObject({ outcome: 'unknown', objects: [{ name: 'shop/api' }, { name: 'data' }] });
    expect(found?.remedy?.what).toBeDefined();
  });

  it('fails at the very threshold, and where only another network was not covered', () => {
    const fields = { memberships: memberships(7), uncovered: ['front'] };

    expect(outcomes(check, facts(quiet, fields))).toEqual(['fail low shop/api,data']);
  });

  it('does not know where somebody talks there who has no name', () => {
    const nameless = talk({ ...on('data'), orig: { scope: 'container' } });
    const vacant = talk({ ...eastWest('data', 'x', 'y'), resp: { scope: 'unknown' } });

    expect(outcomes(check, facts([...quiet, nameless]))).toEqual(['unknown shop/api,data']);
    expect(outcomes(check, facts([...quiet, vacant]))).toEqual(['unknown shop/api,data']);
  });

  it('takes whoever came through the host for no member', () => {
    const hidden = talk({ ...eastWest('data', 'x', 'y'), orig: { scope: 'unknown' }, nat: 'unknown' });

    expect(outcomes(check, facts([...quiet, hidden]))).toEqual(['fail low shop/api,data']);
  });
});
