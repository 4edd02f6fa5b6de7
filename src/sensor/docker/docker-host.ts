/** Which engine to talk to: the option, else DOCKER_HOST, else the default socket. Does no I/O. */
import { DockerError } from './docker-error.ts';

export const DEFAULT_SOCKET = '/var/run/docker.sock';

export type DockerHost =
  | { readonly kind: 'unix'; readonly path: string; readonly label: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly label: string };

export interface DockerHostOptions {
  /** A path, `unix://PATH` or `tcp://HOST:PORT`. */
  readonly socket?: string | undefined;
  /** The environment to look into; only DOCKER_HOST and DOCKER_TLS_VERIFY are read. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export function dockerHost(options: DockerHostOptions = {}): DockerHost {
  const env = options.env ?? process.env;
  const fromEnv = env['DOCKER_HOST'];
  const useEnv = options.socket === undefined && fromEnv !== undefined && fromEnv !== '';
  const text = options.socket ?? (useEnv ? fromEnv : DEFAULT_SOCKET);
  const origin = options.socket !== undefined ? 'the socket option' : 'DOCKER_HOST';

  if (text.startsWith('/')) return { kind: 'unix', path: text, label: text };
  if (text.startsWith('unix://')) {
    const path = text.slice('unix://'.length) || DEFAULT_SOCKET;
    return { kind: 'unix', path, label: path };
  }
  if (text.startsWith('tcp://') || text.startsWith('http://')) {
    if ((env['DOCKER_TLS_VERIFY'] ?? '') !== '') {
      throw new DockerError(
        'DOCKER_BAD_HOST',
        `${text} with DOCKER_TLS_VERIFY: TLS to the engine is not supported; use the unix socket of this machine's engine`,
      );
    }
    return tcpHost(text, origin);
  }
  throw new DockerError(
    'DOCKER_BAD_HOST',
    `${origin} is ${JSON.stringify(text)}; expected an absolute path, unix:///path/docker.sock or tcp://host:port`,
  );
}

function tcpHost(text: string, origin: string): DockerHost {
  let url: URL;
  try {
    url = new URL(text.replace(/^tcp:/, 'http:'));
  } catch (cause) {
    throw new DockerError(
      'DOCKER_BAD_HOST',
      `${origin} is ${JSON.stringify(text)}; expected tcp://host:port`,
      {
        cause,
      },
    );
  }
  // IANA registered 2375 for the Docker API without TLS. URL drops port 80 as http's default.
  const port = url.port !== '' ? Number(url.port) : /:80(\/|$)/.test(text) ? 80 : 2375;
  return { kind: 'tcp', host: url.hostname, port, label: `tcp://${url.hostname}:${port}` };
}
