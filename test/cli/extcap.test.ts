/** What Wireshark is told of a host's networks and containers, whatever they are called. */
import { afterEach, describe, expect, it } from 'vitest';
import { type FakeEngine, fakeEngine } from '../support/fake-engine.ts';
import { runProgram } from './support/run-program.ts';
import { type SmallEngine, smallEngine } from './support/small-engine.ts';

describe('extcap', () => {
  let engine: FakeEngine;

  afterEach(() => engine.remove());

  async function lines(fields: SmallEngine): Promise<string[]> {
    engine = fakeEngine(smallEngine(fields));
    await engine.listen();
    const { stdout } = await runProgram('none', 'extcap', '--extcap-interfaces', '--socket', engine.socket);
    return stdout.trimEnd().split('\n').slice(1);
  }

  it('lists networks and containers by their names', async () => {
    expect(await lines({})).toEqual([
      'interface {value=bridgewatch.network.shop_data}{display=Docker network shop_data (internal)}',
      'interface {value=bridgewatch.container.shop-db-1}{display=Docker container shop/db}',
    ]);
  });

  it('lets no name end its braces, begin a line, or reach a terminal', async () => {
    const hostile = 'a}{value=x}\ninterface \u001b[31m';

    expect(await lines({ network: hostile, project: hostile, networkMode: 'x' })).toEqual([
      'interface {value=bridgewatch.network.beef11111111}{display=Docker network a??value?x??interface ??31m (internal)}',
      'interface {value=bridgewatch.container.shop-db-1}{display=Docker container a??value?x??interface ??31m/db}',
    ]);
  });
});
