import { describe, expect, it } from 'vitest';
import type { Talk, TrafficHistory } from '../../../../src/model/traffic-history.ts';
import check from '../../../../src/sensor/audit/checks/published-reached.ts';
import { container, failure, history, outcomes, port, results } from '../support.ts';
import { LAN, talk } from '../talks.ts';

const web = (hostIp = '0.0.0.0') =>
  container('web', { networks: ['front'], published: [port(hostIp, 8080, 80)] });
const facts = (talks: readonly Talk[], fields: Partial<TrafficHistory> = {}, containers = [web()]) => ({
  containers: [...containers, container('other', { published: [port('198.51.100.2', 80)] })],
  traffic: history({ talks, ...fields }),
});
const lan = talk({ orig: LAN });
/** To another container of the host, and to its own port. */
const elsewhere = talk({ resp: { scope: 'container', service: 'other' } });
/** By this container. */
const asked = talk({
  direction: 'egress',
  orig: { scope: 'container', service: 'web' },
  resp: { scope: 'internet' },
});

describe('published-reached', () => {
  it('fails where a port on every address has the LAN for its only visitor, and the Internet reaches the host', () => {
    const found = failure(check, facts([lan, elsewhere]));

    expect(found).toMatchObject({ severity: 'informational', objects: [{ name: 'web' }] });
    expect(found.explanation).toContain(
      'only the LAN came there: from the LAN by 10.0.0.5 (3 flows, 2.0 KiB)',
    );
    expect(outcomes(check, facts([lan, elsewhere], {}, [web('::')]))).toContain('fail informational web');
  });

  it.each([
    ['the Internet came there too', facts([lan, talk()])],
    ['the Internet does not reach the host', facts([lan])],
    ['the Internet was only asked', facts([lan, asked])],
    ['the Internet came by no port that is published', facts([lan, { ...elsewhere, respPort: 40_000 }])],
    ['the port is on one address already', facts([lan, elsewhere], {}, [web('10.0.0.2')])],
  ])('passes where %s', (_name, some) => {
    expect(outcomes(check, some)).toContain('pass web');
  });

  it('says who came, the busiest first, and how much that was', () => {
    const from = (ip: string | undefined, flows: number) =>
      talk({ flows, orig: { scope: 'internet', ...(ip === undefined ? {} : { ip }) } });
    const [found] = results(
      check,
      facts([from('198.51.100.7', 1), from('198.51.100.8', 9), from(undefined, 5), lan]),
    );

    expect(found?.explanation).toBe(
      'web was reached from the Internet by 198.51.100.8 and 198.51.100.7, others (15 flows, 6.0 KiB) and from the LAN by 10.0.0.5 (3 flows, 2.0 KiB) in 10 d of watching until 2026-12-03 14:00:00Z.',
    );
    expect(found?.evidence).toMatchObject({
      internetAddresses: ['198.51.100.8', '198.51.100.7'],
      internetFlows: 15,
      lanFlows: 3,
    });
  });

  it('does not accuse on too little, nor where it is not known who came', () => {
    expect(outcomes(check, facts([lan, elsewhere], { watchedSecs: 60 }))).toContain('unknown web');
    expect(outcomes(check, facts([lan, elsewhere, talk({ orig: { scope: 'unknown' } })]))).toContain(
      'unknown web',
    );
  });

  it('is about nothing where nobody came from outside', () => {
    expect(outcomes(check, facts([]))).toEqual(['not-applicable']);
    expect(
      outcomes(check, facts([talk({ orig: { scope: 'host', ip: '127.0.0.1' }, nat: 'docker-proxy' })])),
    ).toEqual(['not-applicable']);
  });
});
