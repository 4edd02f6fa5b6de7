/**
 * What Docker this machine has, from the outside: whether the engine that the agent would watch answers, and if
 * not, whether one is installed at all. Reads and asks; starts and changes nothing.
 */
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { type RequestOptions, request } from 'node:http';
import { delimiter, join } from 'node:path';

/** Written by scripts/setup.sh when it was the one to install Docker, for the lab. */
const INSTALLED_BY_US = '/var/lib/bridgewatch-lab/installed-by-us';
const DEFAULT_SOCKET = '/var/run/docker.sock';
const ANSWER_TIMEOUT_MS = 3000;

export interface DockerHere {
  /** Where an engine was looked for, and who said so. */
  readonly address: string;
  readonly source: 'BRIDGEWATCH_DOCKER_SOCKET_PATH' | 'DOCKER_HOST' | 'default';
  /** Why it does not answer; undefined when it does. */
  readonly silence: string | undefined;
  /** Path of a dockerd on this machine. */
  readonly dockerd: string | undefined;
  /** The dockerd is there only because `make setup` brought it for the lab. */
  readonly dockerdIsOurs: boolean;
}

export async function lookForDocker(env: NodeJS.ProcessEnv): Promise<DockerHere> {
  const { address, source } = whereToLook(env);
  return {
    address,
    source,
    silence: await ask(address),
    dockerd: findDockerd(env),
    dockerdIsOurs: existsSync(INSTALLED_BY_US) && readFileSync(INSTALLED_BY_US, 'utf8') !== '',
  };
}

/** The same order as the agent's own: its configuration, then what the docker client uses, then the usual place. */
function whereToLook(env: NodeJS.ProcessEnv): Pick<DockerHere, 'address' | 'source'> {
  for (const source of ['BRIDGEWATCH_DOCKER_SOCKET_PATH', 'DOCKER_HOST'] as const) {
    const address = env[source];
    if (address !== undefined && address !== '') return { address, source };
  }
  return { address: DEFAULT_SOCKET, source: 'default' };
}

function ask(address: string): Promise<string | undefined> {
  const options = addressOptions(address);
  if (options === undefined) return Promise.resolve('not a socket path, unix:// or tcp:// address');
  return new Promise((resolve) => {
    const req = request({ ...options, path: '/_ping', timeout: ANSWER_TIMEOUT_MS }, (res) => {
      res.resume();
      resolve(res.statusCode === 200 ? undefined : `it answered HTTP ${res.statusCode} to a ping`);
    });
    req.on('timeout', () => req.destroy(new Error(`no answer within ${ANSWER_TIMEOUT_MS / 1000} s`)));
    req.on('error', (error: NodeJS.ErrnoException) => resolve(inWords(error)));
    req.end();
  });
}

function addressOptions(address: string): RequestOptions | undefined {
  if (address.startsWith('/')) return { socketPath: address };
  if (!URL.canParse(address)) return undefined;
  const url = new URL(address);
  if (url.protocol === 'unix:') return { socketPath: url.pathname };
  if (url.protocol === 'tcp:' || url.protocol === 'http:')
    return { host: url.hostname, port: url.port || 2375 };
  return undefined;
}

function inWords(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'ENOENT':
      return 'no such socket';
    case 'ECONNREFUSED':
      return 'nobody listens there';
    case 'EACCES':
      return 'permission denied: run as root, or as a member of the group docker';
    default:
      return error.message;
  }
}

/** Services often have a wider PATH than people. Snap has its own place. */
const MORE_DIRS = [
  '/usr/local/sbin',
  '/usr/local/bin',
  '/usr/sbin',
  '/usr/bin',
  '/sbin',
  '/bin',
  '/snap/bin',
];

function findDockerd(env: NodeJS.ProcessEnv): string | undefined {
  const dirs = [...(env['PATH'] ?? '').split(delimiter).filter(Boolean), ...MORE_DIRS];
  return dirs.map((dir) => join(dir, 'dockerd')).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
