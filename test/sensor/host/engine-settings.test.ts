import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findEngines } from '../../../src/sensor/host/engine-process.ts';
import { engineSettings } from '../../../src/sensor/host/engine-settings.ts';
import { FakeProc } from '../../support/fake-proc.ts';

const isRoot = process.getuid?.() === 0;
if (!isRoot) process.stderr.write("SKIPPED: the engine's settings: processes that root owns need root\n");

let proc: FakeProc;

beforeEach(() => {
  proc = new FakeProc();
});
afterEach(() => proc.remove());

async function settings(options: readonly string[], daemonJson?: string) {
  proc.engine({ options });
  if (daemonJson !== undefined) proc.file('7/root/etc/docker/daemon.json', daemonJson);
  const [engine] = await findEngines(proc.path);
  return engineSettings(engine!);
}

describe.skipIf(!isRoot)("the engine's settings", () => {
  it.each([
    [
      ['-H', 'fd://', '--host=tcp://127.0.0.1:2375'],
      ['tcp://127.0.0.1:2375', 'fd://'],
    ],
    [['-Htcp://0.0.0.0:2375'], ['tcp://0.0.0.0:2375']],
    [['-H=tcp://0.0.0.0:2375'], ['tcp://0.0.0.0:2375']],
    [['--host', 'tcp://0.0.0.0:2375'], ['tcp://0.0.0.0:2375']],
    [[], []],
  ])('take hosts from %j', async (options, hosts) => {
    expect((await settings(options))?.hosts).toEqual(hosts);
  });

  it('take the rest from both, the command line before the file', async () => {
    const found = await settings(
      ['--ip6tables=false', '--userland-proxy', '--tlsverify'],
      '{"hosts": ["tcp://0.0.0.0:2376"], "ip6tables": true, "userland-proxy": false, "iptables": false, "allow-direct-routing": true}',
    );

    expect(found).toMatchObject({
      hosts: ['tcp://0.0.0.0:2376'],
      ...{
        ip6tables: false,
        userlandProxy: true,
        iptables: false,
        allowDirectRouting: true,
        tlsVerify: true,
        tls: true,
      },
    });
    expect(found).not.toHaveProperty('tlsCa');
  });

  it('are not known where the file is no JSON', async () => {
    expect(await settings([], '{"iptables": ')).toBeUndefined();
  });

  it('say nothing where nothing was said', async () => {
    const found = await settings([]);

    expect(found).toEqual({
      hosts: [],
      tls: false,
      tlsVerify: false,
      configFile: '/etc/docker/daemon.json',
    });
  });
});
