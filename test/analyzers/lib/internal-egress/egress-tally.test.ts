import { describe, expect, it } from 'vitest';
import { EgressTally } from '../../../../analyzers/lib/internal-egress/egress-tally.ts';
import { address, container, flow, T0 } from '../../../support/records.ts';

const orig = container('db', '172.30.0.10');
const to = (ip: string, names: readonly string[] = [], port: number | undefined = 443) =>
  flow({ orig, resp: address(ip, 'internet', { names, port }) });

function destinationsOf(...flows: readonly ReturnType<typeof to>[]) {
  const tally = new EgressTally(T0, 16);
  for (const one of flows) tally.addFlow(one, true);
  const { destinations, destinationCount } = tally.evidence();
  return { destinations, destinationCount };
}

describe('destinations of a tally', () => {
  it('are shown with the name that the container knows them by', () => {
    expect(
      destinationsOf(to('198.51.100.7', ['api.example.com']), to('2001:db8::7', ['v6.example.com'])),
    ).toEqual({
      destinations: ['api.example.com (198.51.100.7:443/tcp)', 'v6.example.com ([2001:db8::7]:443/tcp)'],
      destinationCount: 2,
    });
  });

  it('are counted by address, so that another name or none makes no second one', () => {
    expect(
      destinationsOf(
        to('198.51.100.7'),
        to('198.51.100.7', ['one.test']),
        to('198.51.100.7', ['two.test', 'one.test']),
        to('198.51.100.7'),
      ),
    ).toEqual({ destinations: ['two.test (198.51.100.7:443/tcp)'], destinationCount: 1 });
  });

  it('take a name learned later for one that answered, too', () => {
    const tally = new EgressTally(T0, 16);
    tally.addAnswer(to('198.51.100.7'));
    tally.addAnswer(to('198.51.100.7', ['api.example.com']));

    expect(tally.evidence()).toMatchObject({
      answeredDestinations: ['api.example.com (198.51.100.7:443/tcp)'],
      answeredCount: 1,
    });
  });
});
