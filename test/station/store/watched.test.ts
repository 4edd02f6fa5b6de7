/** What of a time was watched: pure, over rows as the database has them. */
import { describe, expect, it } from 'vitest';
import { type WatchRows, watchedTime } from '../../../src/station/store/watched.ts';

const HOUR = 3_600_000_000;
const hours = (n: number) => n * HOUR;
const alive = (from: number, until: number) => ({ from: hours(from), aliveAt: hours(until) });
const change = (network: string, at: number, state: 'covered' | 'uncovered') => ({
  network,
  time: hours(at),
  state,
});
const held = (network: string, label: string, from: number, to: number | null) => ({
  ...{ network, label },
  from: hours(from),
  to: to === null ? null : hours(to),
});
const back = { name: 'back', seenAt: 0, removedAt: undefined };

function watched(rows: Partial<WatchRows>, networks = [back], talking: readonly string[] = [], from = 0) {
  const all = { watches: [alive(0, 100)], changes: [change('back', 0, 'covered')], held: [], ...rows };
  return watchedTime(all, networks, new Set(talking), hours(from))!;
}

describe('the time that was watched', () => {
  it('is that in which the agent ran, from the first flow on', () => {
    const found = watched({ watches: [alive(0, 10), alive(20, 50)] }, [back], [], 5);

    expect(found).toMatchObject({ from: hours(5), until: hours(50), watchedSecs: 35 * 3600 });
  });

  it('is not known where the agent gave no sign of life after that flow', () => {
    expect(watched({ watches: [] })).toBeUndefined();
    expect(watched({ watches: [alive(0, 10)] }, [back], [], 10)).toBeUndefined();
  });

  it.each([
    ['covered from the beginning', [change('back', 0, 'covered')], []],
    ['whose tap opened a little later', [change('back', 5, 'covered')], []],
    ['whose tap opened too late', [change('back', 5.1, 'covered')], ['back']],
    [
      'that was lost and is not back',
      [change('back', 0, 'covered'), change('back', 90, 'uncovered')],
      ['back'],
    ],
    [
      'that was lost for a moment',
      [change('back', 0, 'covered'), change('back', 90, 'uncovered'), change('back', 94, 'covered')],
      [],
    ],
    ['that never was', [change('back', 0, 'uncovered')], ['back']],
    ['of which nothing was told', [], ['back']],
  ])('knows a network %s', (_name, changes, uncovered) => {
    expect(watched({ changes }).uncovered).toEqual(uncovered);
  });

  it('does not mind half a minute without a tap, however short the time', () => {
    const late = (secs: number) =>
      watched({
        watches: [{ from: 0, aliveAt: 40_000_000 }],
        changes: [{ network: 'back', time: secs * 1_000_000, state: 'covered' }],
      }).uncovered;

    expect(late(30)).toEqual([]);
    expect(late(31)).toEqual(['back']);
  });

  it('takes a network for covered whose record has expired, where flows of it are stored', () => {
    expect(watched({ changes: [] }, [back], ['back']).uncovered).toEqual([]);
  });

  it('asks of a network only the time in which it was there and the agent ran', () => {
    const late = { name: 'back', seenAt: hours(60), removedAt: undefined };
    const changes = [change('back', 60, 'covered')];

    expect(watched({ changes }, [late]).uncovered).toEqual([]);
    expect(watched({ changes, watches: [alive(60, 100)] }).uncovered).toEqual([]);
    expect(watched({ changes }).uncovered).toEqual(['back']);
  });

  it('says nothing of networks that no tap can see', () => {
    expect(watched({ changes: [] }, [{ ...back, name: 'host' }]).uncovered).toEqual([]);
  });

  it('adds up how long a service was on a network, replicas once, and only while somebody watched', () => {
    const rows = {
      watches: [alive(10, 50), alive(60, 100)],
      held: [
        held('back', 'shop/db', 0, 20),
        held('back', 'shop/db', 15, 55),
        held('back', 'shop/api', 90, null),
      ],
    };

    expect(watched(rows).memberships).toEqual([
      { network: 'back', service: 'shop/db', watchedSecs: 40 * 3600 },
      { network: 'back', service: 'shop/api', watchedSecs: 10 * 3600 },
    ]);
  });
});
