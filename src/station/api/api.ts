/**
 * The HTTP API: one application behind a Unix socket beside the database and, unless that is off, an address. It never
 * keeps the station from its work.
 */
import { Hono } from 'hono';
import type { MetricFamily } from '../../model/metric.ts';
import type { Logger } from '../../telemetry/logger.ts';
import { DOOR_LIMITS, Door, type DoorLimits, type DoorPlace } from './door.ts';
import { Guard } from './guard.ts';
import { allowedMethods } from './methods.ts';
import { ApiProblem, problemResponse } from './problem.ts';
import { Questions } from './questions.ts';
import { OPERATIONS, ROOMS } from './rooms.ts';
import type { ApiApp, ApiDeps, ApiVariables, Room, RoomDeps, RoomMetrics } from './routes.ts';
import { socketPath } from './socket-path.ts';
import { ApiToken } from './token.ts';

export function createApp(deps: RoomDeps, rooms: readonly Room[] = ROOMS): ApiApp {
  const app: ApiApp = new Hono<ApiVariables>();
  app.use((c, next) => {
    c.set('caller', c.env.caller);
    return next();
  });
  const metrics = roomMetrics();
  for (const room of rooms) room(app, deps, metrics);
  app.notFound((c) => otherwise(c.req.method, c.req.path));
  app.onError((error) => {
    if (error instanceof ApiProblem) return problemResponse(error);
    deps.logger.error({ err: error }, 'the API failed to answer');
    return problemResponse(new ApiProblem(500, 'this could not be answered; the log of the agent says why'));
  });
  return app;
}

function roomMetrics(): RoomMetrics {
  const sources: (() => MetricFamily[])[] = [];
  return {
    add: (source) => void sources.push(source),
    all: () => sources.flatMap((source) => source()),
  };
}

/** Nothing is there, or nothing that is done like this. */
function otherwise(method: string, path: string): Response {
  const allowed = allowedMethods(OPERATIONS, path);
  if (allowed.length === 0)
    return problemResponse(
      new ApiProblem(404, 'there is nothing here; GET /api/v1/openapi.json tells what there is'),
    );
  const headers = { allow: allowed.join(', ') };
  if (method === 'OPTIONS') return new Response(null, { status: 204, headers });
  return problemResponse(new ApiProblem(405, `here one can only ${allowed.join(', ')}`, { headers }));
}

export class Api {
  readonly #doors: readonly Door[];
  readonly #questions: Questions;
  readonly #token: ApiToken | undefined;
  readonly #logger: Logger;

  constructor(deps: ApiDeps, limits: DoorLimits = DOOR_LIMITS) {
    const { logger, config, storePath } = deps;
    this.#logger = logger;
    const clock = () => performance.now();
    const token = new ApiToken({ storePath, file: config.token_file, clock });
    const guard = new Guard({ config, token, clock });
    this.#questions = new Questions({ storePath, logger });
    const app = createApp({ ...deps, questions: this.#questions });
    const places: DoorPlace[] = [{ kind: 'unix', path: socketPath(storePath) }];
    // Over the socket nobody needs a token.
    this.#token = config.listen === 'off' ? undefined : token;
    if (config.listen !== 'off') places.push(addressOf(config.listen));
    this.#doors = places.map(
      (place) =>
        new Door({
          place,
          logger,
          limits,
          admit: (knock) => guard.admit(knock),
          fetch: (request, bindings) => app.fetch(request, bindings),
        }),
    );
  }

  /** What a person should know, one line each. */
  get problems(): readonly string[] {
    return [this.#token?.problem, ...this.#doors.map(({ problem }) => problem)].filter(
      (problem) => problem !== undefined,
    );
  }

  async start(): Promise<void> {
    // Looked at now, so that it is there for whoever reads the log.
    const problem = this.#token?.problem;
    if (problem !== undefined) this.#logger.warn(problem);
    await Promise.all(this.#doors.map((door) => door.open()));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#doors.map((door) => door.close()));
    await this.#questions.close();
  }
}

function addressOf(listen: string): DoorPlace {
  const at = listen.lastIndexOf(':');
  return {
    kind: 'tcp',
    host: listen.slice(0, at).replace(/^\[|\]$/g, ''),
    port: Number(listen.slice(at + 1)),
  };
}
