/**
 * A real rsyslogd on loopback with ports and a directory of its own, which go with it: UDP, TCP and, with certificates,
 * TLS through GnuTLS. Each message becomes one line of JSON: what rsyslog read in its header, its data and its text.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Certificates, makeCertificates, OPENSSL_MISSING } from './certificates.ts';
import { freePort } from './influxd.ts';

export const RSYSLOGD_MISSING = ((): string | undefined => {
  try {
    execFileSync('rsyslogd', ['-v'], { stdio: 'ignore' });
  } catch {
    return 'rsyslogd is not installed (Debian: rsyslog)';
  }
  return OPENSSL_MISSING;
})();

export interface RsyslogMessage {
  readonly facility: string;
  readonly severity: string;
  readonly host: string;
  readonly app: string;
  readonly id: string;
  readonly data: string;
  readonly text: string;
  readonly input: string;
}

export interface Rsyslogd {
  readonly udpPort: number;
  readonly tcpPort: number;
  readonly tlsPort: number;
  /** The authority, and a client's certificate; the server's is for `logs.example`. */
  readonly files: Certificates;
  messages(): readonly RsyslogMessage[];
  /** How much of them there is; cheap to ask. */
  writtenBytes(): number;
  log(): string;
  start(): Promise<void>;
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Stops it and removes its directory. */
  dispose(): Promise<void>;
}

export async function startRsyslogd(): Promise<Rsyslogd> {
  const directory = mkdtempSync(join(tmpdir(), 'bridgewatch-rsyslogd-'));
  const files = makeCertificates(directory, { serverName: 'logs.example' });
  const [udpPort, tcpPort, tlsPort] = [await freePort(), await freePort(), await freePort()];
  const out = join(directory, 'messages.ndjson');
  const logPath = join(directory, 'rsyslogd.log');
  const config = join(directory, 'rsyslog.conf');
  writeFileSync(config, configText(directory, out, { udpPort, tcpPort, tlsPort }));
  let child: ChildProcess | undefined;

  async function start(): Promise<void> {
    const log = openSync(logPath, 'a');
    child = spawn('rsyslogd', ['-n', '-f', config, '-i', join(directory, 'pid')], {
      stdio: ['ignore', log, log],
    });
    const deadline = Date.now() + 10_000;
    const isUp = () => {
      const sockets = ['tcp', 'udp'].map((name) => readFileSync(`/proc/net/${name}`, 'latin1')).join('\n');
      return [udpPort, tcpPort, tlsPort].every((port) =>
        new RegExp(`:${port.toString(16).toUpperCase().padStart(4, '0')} 0{8}:`).test(sockets),
      );
    };
    while (!isUp()) {
      if (child.exitCode !== null || Date.now() > deadline) {
        await stop('SIGKILL');
        throw new Error(`rsyslogd does not listen:\n${readFileSync(logPath, 'utf8')}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async function stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const running = child;
    child = undefined;
    if (running === undefined || running.exitCode !== null) return;
    const exited = once(running, 'exit');
    running.kill(signal);
    const hammer = setTimeout(() => running.kill('SIGKILL'), 5000);
    await exited;
    clearTimeout(hammer);
    rmSync(join(directory, 'pid'), { force: true });
  }

  await start();
  return {
    udpPort,
    tcpPort,
    tlsPort,
    files,
    messages: () =>
      (existsSync(out) ? readFileSync(out, 'utf8') : '')
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as RsyslogMessage),
    writtenBytes: () => statSync(out, { throwIfNoEntry: false })?.size ?? 0,
    log: () => readFileSync(logPath, 'utf8'),
    start,
    stop,
    dispose: async () => {
      await stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

interface Ports {
  readonly udpPort: number;
  readonly tcpPort: number;
  readonly tlsPort: number;
}

function configText(directory: string, out: string, { udpPort, tcpPort, tlsPort }: Ports): string {
  const properties = Object.entries({
    facility: 'syslogfacility-text',
    severity: 'syslogseverity-text',
    host: 'hostname',
    app: 'app-name',
    id: 'msgid',
    data: 'structured-data',
    text: 'msg',
    input: 'inputname',
  } satisfies Record<keyof RsyslogMessage, string>);
  return `
global(workDirectory="${directory}" maxMessageSize="64k"
  defaultNetstreamDriverCAFile="${directory}/ca.pem"
  defaultNetstreamDriverCertFile="${directory}/server.pem"
  defaultNetstreamDriverKeyFile="${directory}/server.key")
module(load="imudp")
module(load="imptcp")
module(load="imtcp" streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="x509/certvalid")
template(name="line" type="list" option.jsonf="on") {
${properties.map(([name, property]) => `  property(outname="${name}" name="${property}" format="jsonf")`).join('\n')}
}
input(type="imudp" address="127.0.0.1" port="${udpPort}" name="udp")
input(type="imptcp" address="127.0.0.1" port="${tcpPort}" name="tcp")
input(type="imtcp" address="127.0.0.1" port="${tlsPort}" name="tls")
action(type="omfile" file="${out}" template="line")
`;
}
