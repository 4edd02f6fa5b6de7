/**
 * Who may come in, settled before any room is asked. Over the socket: whoever may open it. Over TCP: hosts that are
 * meant, reading from this machine, all else with the token, within limits. It looks at headers only, and never says
 * which part of a token was wrong.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { hostName, isLoopback, limitKey, plainAddress } from './addresses.ts';
import type { ApiConfig } from './config.ts';
import { ApiProblem } from './problem.ts';
import { RateLimit } from './rate-limit.ts';
import type { Caller } from './routes.ts';
import type { ApiToken } from './token.ts';

export interface Knock {
  readonly door: 'unix' | 'tcp';
  readonly method: string;
  /** The request target as it came. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  /** Names and values in turn, as they came: a header that is there twice shows. */
  readonly rawHeaders: readonly string[];
  /** Of the peer, and where it came in; absent over the socket. */
  readonly peer?: string | undefined;
  readonly local?: string | undefined;
}

export interface GuardOptions {
  readonly config: Pick<ApiConfig, 'listen' | 'require_token' | 'allowed_hosts'>;
  readonly token: Pick<ApiToken, 'matches'>;
  /** Milliseconds that only go forward. */
  readonly clock: () => number;
}

const READING = new Set(['GET', 'HEAD', 'OPTIONS']);
const CHANGING = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);
/**
 * Pages of a thousand records, one after the other, stay below it. All clients of the live feed behind one proxy may come
 * back at once (api.max_streams): a browser that is refused then gives up.
 */
const REQUESTS = { burst: 600, perSecond: 50, maxKeys: 1024 };
/** 256 bits are not guessed; this keeps the log and the processor quiet. */
const FAILURES = { burst: 10, perSecond: 0.1, maxKeys: 1024 };
const MAX_TARGET_CHARS = 8192;

export class Guard {
  readonly #options: GuardOptions;
  readonly #hosts: ReadonlySet<string>;
  readonly #requests: RateLimit;
  readonly #failures: RateLimit;

  constructor(options: GuardOptions) {
    const { config, clock } = options;
    this.#options = options;
    const named = hostName(config.listen);
    // A wildcard is no name: which address was meant, the connection knows.
    const listening = config.listen === 'off' || named === '0.0.0.0' || named === '::' ? [] : [named];
    this.#hosts = new Set(
      ['localhost', ...listening, ...config.allowed_hosts.map(hostName)].filter((name) => name !== undefined),
    );
    this.#requests = new RateLimit({ ...REQUESTS, clock });
    this.#failures = new RateLimit({ ...FAILURES, clock });
  }

  /** Throws the ApiProblem that refuses it. */
  admit(knock: Knock): Caller {
    const { door, method, url } = knock;
    if (!READING.has(method) && !CHANGING.has(method))
      throw new ApiProblem(501, 'this method is not known here');
    // Nobody here is a proxy, and the application takes the host from nothing but the header.
    if (!url.startsWith('/') || url.length > MAX_TARGET_CHARS)
      throw new ApiProblem(
        400,
        `the target of a request is a path of at most ${MAX_TARGET_CHARS} characters`,
      );
    if (door === 'unix') return { by: 'unix' };
    const address = plainAddress(knock.peer ?? '');
    const wait = this.#requests.take(limitKey(address));
    if (wait !== undefined) throw tooMany('too many requests', wait);
    this.#checkHost(knock);
    if (CHANGING.has(method)) checkOrigin(knock);
    return this.#who(knock, address);
  }

  /** A page that a browser loaded from elsewhere reaches us under its own name (DNS rebinding). */
  #checkHost({ headers, rawHeaders, local }: Knock): void {
    const name = timesGiven(rawHeaders, 'host') === 1 ? hostName(headers.host ?? '') : undefined;
    if (name === undefined)
      throw new ApiProblem(400, 'a request has one Host header, with a name or an address');
    const isMeant =
      isLoopback(name) || this.#hosts.has(name) || (local !== undefined && name === plainAddress(local));
    if (!isMeant)
      throw new ApiProblem(421, 'this host name is not answered here; api.allowed_hosts allows more');
  }

  #who({ method, headers, rawHeaders }: Knock, address: string): Caller {
    const given = headers.authorization;
    if (given === undefined) {
      const isHere =
        isLoopback(address) && headers['x-forwarded-for'] === undefined && headers.forwarded === undefined;
      const mayRead = this.#options.config.require_token === 'remote' && isHere && READING.has(method);
      if (mayRead) return { by: 'loopback', address };
      throw unauthorized('this needs the token: Authorization: Bearer TOKEN');
    }
    const wait = this.#failures.wait(limitKey(address));
    if (wait !== undefined) throw tooMany('too many wrong tokens from this address', wait);
    const token = /^Bearer +(\S+)$/i.exec(given)?.[1];
    if (token === undefined || timesGiven(rawHeaders, 'authorization') !== 1)
      throw unauthorized('only one kind of authorization is known here: Authorization: Bearer TOKEN');
    const isRight = this.#options.token.matches(token);
    if (isRight === undefined)
      throw new ApiProblem(
        503,
        'the agent has no token to compare with; its log and `bridgewatch doctor` say why',
      );
    if (isRight) return { by: 'token', address };
    this.#failures.take(limitKey(address));
    throw unauthorized('this is not the token');
  }
}

/** A form or a script of another site may send; it may not read, but a change needs no reading. */
function checkOrigin({ headers }: Knock): void {
  const { origin } = headers;
  const isForeign =
    (origin !== undefined && !isSameOrigin(origin, headers.host ?? '')) ||
    headers['sec-fetch-site'] === 'cross-site';
  if (isForeign) throw new ApiProblem(403, 'changes are not taken from the pages of another site');
}

function isSameOrigin(origin: string, host: string): boolean {
  return /^https?:\/\//.test(origin) && origin.replace(/^https?:\/\//, '') === host.toLowerCase();
}

function timesGiven(rawHeaders: readonly string[], wanted: string): number {
  return rawHeaders.filter((name, i) => i % 2 === 0 && name.toLowerCase() === wanted).length;
}

function unauthorized(detail: string): ApiProblem {
  return new ApiProblem(401, detail, { headers: { 'www-authenticate': 'Bearer realm="bridgewatch"' } });
}

function tooMany(detail: string, waitSecs: number): ApiProblem {
  return new ApiProblem(429, `${detail}: try again in ${waitSecs} s`, {
    headers: { 'retry-after': String(waitSecs) },
  });
}
