/**
 * One connection to NATS, made when it is wanted and never again by itself: the library's reconnecting is off, because the
 * outlet knows when to try again, and a buffer of what nobody acknowledged would be a second outbox in memory.
 */
import { readFileSync } from 'node:fs';
import type { Authenticator, ConnectionOptions, NatsConnection } from '@nats-io/transport-node';
import type { Secret } from '../../secret.ts';
import { SinkError } from '../sink.ts';
import type { NatsConfig } from './config.ts';
import { connectionFailure } from './failure.ts';
import type { NatsTransport } from './library.ts';

/** A server that is silent is noticed within two of these. */
const PING_INTERVAL_MS = 15_000;

export function serversText({ servers }: Pick<NatsConfig, 'servers'>): string {
  return servers.join(', ');
}

/** Reads the files again. */
export async function connectNats(
  transport: NatsTransport,
  config: NatsConfig,
  clientName: string,
): Promise<NatsConnection> {
  const tls = tlsOf(config);
  const options: ConnectionOptions = {
    servers: [...config.servers],
    name: clientName,
    reconnect: false,
    ignoreClusterUpdates: true,
    pingInterval: PING_INTERVAL_MS,
    maxPingOut: 2,
    timeout: config.timeout_ms,
    noAsyncTraces: true,
    ...(tls !== undefined && { tls }),
    authenticator: authenticatorsOf(transport, config),
  };
  try {
    return await transport.connect(options);
  } catch (error) {
    throw connectionFailure(error, serversText(config));
  }
}

/** Undefined where it is the server's to say. A name is OpenSSL's option, which the library hands on. */
function tlsOf(config: NatsConfig): ConnectionOptions['tls'] {
  const { ca_file, cert_file, key_file, server_name, servers } = config;
  const isWanted = servers.some((server) => server.startsWith('tls://'));
  if (!isWanted && [ca_file, cert_file, server_name].every((option) => option === undefined))
    return undefined;
  return {
    ...(ca_file !== undefined && { ca: read('ca_file', ca_file) }),
    ...(cert_file !== undefined && { cert: read('cert_file', cert_file) }),
    ...(key_file !== undefined && { key: read('key_file', key_file) }),
    ...(server_name !== undefined && { servername: server_name }),
  };
}

function authenticatorsOf(transport: NatsTransport, config: NatsConfig): Authenticator[] {
  const { creds_file, nkey_seed_file, username } = config;
  const encode = (text: string) => new TextEncoder().encode(text);
  if (creds_file !== undefined)
    return [
      proven('creds_file', creds_file, transport.credsAuthenticator(encode(read('creds_file', creds_file)))),
    ];
  if (nkey_seed_file !== undefined) {
    const seed = encode(read('nkey_seed_file', nkey_seed_file).trim());
    return [proven('nkey_seed_file', nkey_seed_file, transport.nkeyAuthenticator(seed))];
  }
  if (username !== undefined) {
    const password = secret('password_file', config.password_file, config.password);
    return [transport.usernamePasswordAuthenticator(username, password)];
  }
  if (config.token !== undefined || config.token_file !== undefined)
    return [transport.tokenAuthenticator(secret('token_file', config.token_file, config.token))];
  return [];
}

/** Tried once here: within the handshake its failure would be the connection's, without a word about the file. */
function proven(option: string, path: string, authenticator: Authenticator): Authenticator {
  try {
    authenticator('nonce');
    return authenticator;
  } catch {
    throw misconfigured(`${option} ${path} does not hold what nsc or nk write there; check it`);
  }
}

function secret(option: string, path: string | undefined, value: Secret | undefined): string {
  return path === undefined ? (value?.reveal() ?? '') : read(option, path).replace(/\r?\n$/, '');
}

function read(option: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    throw misconfigured(
      `cannot read ${option} ${path}: ${code}; check that it exists and the station's user may read it`,
    );
  }
}

function misconfigured(problem: string): SinkError {
  return new SinkError('SINK_MISCONFIGURED', 'act', `nats: ${problem}`);
}
