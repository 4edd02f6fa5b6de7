/**
 * The shop sells and the attacks do what they say: judged by the kernel and by tcpdump, not by the agent, so that
 * an agent that misses one cannot hide behind an attack that never happened.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SHOP, startShop } from '../lab/app.ts';
import {
  addedRoute,
  dnsTunnel,
  dnsTunnelEmbedded,
  isolationBroken,
  noRoute,
  overIpv6,
  straight,
  viaGateway,
} from '../lab/attacks.ts';
import { startHostResolver, startInternet, TUNNEL_ZONE } from '../lab/internet.ts';
import { createLab, type Lab, labObstacle } from '../lab/lab.ts';
import { waitFor } from '../lab/run.ts';
import { INTERNET, LOOPBACK_RESOLVER } from '../lab/world.ts';

const obstacle = labObstacle(['dnsmasq', 'iodine', 'iodined', 'tcpdump']);
if (obstacle !== undefined) console.warn(`SKIPPED: the lab's attacks: ${obstacle}`);

describe.skipIf(obstacle !== undefined)('the attacks of the lab', () => {
  let lab: Lab;
  let bridge: string;

  beforeAll(async () => {
    lab = await createLab({ nameserver: LOOPBACK_RESOLVER });
    await startInternet(lab);
    await startHostResolver(lab);
    await startShop(lab);
    const id = await lab.docker(['network', 'inspect', '--format', '{{.Id}}', SHOP.dataNetwork.name]);
    bridge = `br-${id.slice(0, 12)}`;
  });

  afterAll(async () => {
    await lab?.stop();
  });

  /** Packets that a filter matched on the data network's bridge while `body` ran, as tcpdump's lines. */
  async function onTheBridge(filter: string, body: () => Promise<unknown>): Promise<string[]> {
    const lines: string[] = [];
    const tcpdump = lab.spawn('host', ['tcpdump', '--immediate-mode', '-l', '-n', '-i', bridge, filter], {
      onLine: (line, stream) => void (stream === 'stdout' && line !== '' && lines.push(line)),
    });
    await waitFor('tcpdump to listen', () => tcpdump.output().includes('listening on'));
    await body();
    await tcpdump.stop('SIGINT');
    return lines;
  }

  async function outNoRoutes(): Promise<number> {
    const snmp = await lab.docker(['exec', SHOP.database, 'cat', '/proc/net/snmp']);
    const [names, values] = snmp.split('\n').filter((line) => line.startsWith('Ip:')) as [string, string];
    return Number(values.split(' ')[names.split(' ').indexOf('OutNoRoutes')]);
  }

  it('straight: packets cross the bridge, and no answer comes', async () => {
    const packets = await onTheBridge(`host ${INTERNET.web.v4}`, async () => {
      expect(await straight.run(lab)).toMatchObject({ answered: false });
    });

    expect(packets.some((line) => line.includes(`> ${INTERNET.web.v4}.80: Flags [S]`))).toBe(true);
    expect(packets.some((line) => line.includes('ICMP echo request'))).toBe(true);
    expect(packets.some((line) => line.includes(`IP ${INTERNET.web.v4}`))).toBe(false);
  });

  it('over IPv6: packets cross the bridge, and no answer comes', async () => {
    const packets = await onTheBridge(`host ${INTERNET.web.v6}`, async () => {
      expect(await overIpv6.run(lab)).toMatchObject({ answered: false });
    });

    expect(packets.some((line) => line.includes(`> ${INTERNET.web.v6}.80: Flags [S]`))).toBe(true);
    expect(packets.some((line) => line.includes(`IP6 ${INTERNET.web.v6}`))).toBe(false);
  });

  it('added route: packets cross the bridge, and the routes are as before', async () => {
    const before = await lab.docker(['exec', SHOP.database, 'ip', 'route']);

    const packets = await onTheBridge(`host ${INTERNET.attacker.v4}`, () => addedRoute.run(lab));

    expect(packets.some((line) => line.includes(`> ${INTERNET.attacker.v4}.443: Flags [S]`))).toBe(true);
    expect(await lab.docker(['exec', SHOP.database, 'ip', 'route'])).toBe(before);
  });

  it('no route: not one packet, but the kernel counts three', async () => {
    const before = await outNoRoutes();

    const packets = await onTheBridge(`host ${INTERNET.web.v4}`, () => noRoute.run(lab));

    expect(packets).toEqual([]);
    expect((await outNoRoutes()) - before).toBe(3);
  });

  it('via gateway: the service of the host answers', async () => {
    expect(await viaGateway.run(lab)).toMatchObject({ answered: true });
  });

  it('DNS tunnel: bytes come out, and the database speaks to nobody but the gateway', async () => {
    const filter = `port 53 or (src net ${SHOP.dataNetwork.subnet} and not dst net ${SHOP.dataNetwork.subnet})`;
    const packets = await onTheBridge(filter, async () => {
      expect(await dnsTunnel.run(lab)).toEqual({ answered: true, saw: '100000 bytes came out' });
    });

    const questions = packets.filter((line) => line.includes(` > ${SHOP.dataNetwork.gateway}.53:`));
    expect(questions.filter((line) => line.includes(`.${TUNNEL_ZONE}.`)).length).toBeGreaterThan(400);
    expect(packets.filter((line) => line.includes(`> ${INTERNET.attacker.v4}`))).toEqual([]);
  });

  it('DNS tunnel through 127.0.0.11: bytes come out, and not one packet of it crosses the bridge', async ({
    skip,
  }) => {
    const packets = await onTheBridge('udp', async () => {
      const outcome = await dnsTunnelEmbedded.run(lab);
      if (outcome.closed) {
        console.warn(`SKIPPED: a tunnel through 127.0.0.11: ${outcome.saw}`);
        skip();
      }
      expect(outcome).toEqual({ answered: true, saw: '100000 bytes came out' });
    });

    expect(packets).toEqual([]);
  });

  it('isolation broken: an answer comes back, and afterwards the isolation holds again', async () => {
    expect(await isolationBroken.run(lab)).toMatchObject({ answered: true });

    expect(await straight.run(lab)).toMatchObject({ answered: false });
  });
});
