/** Requests that were answered, by the route they met and the class of their status: never by what was asked for. */
import type { MiddlewareHandler } from 'hono';
import { routePath } from 'hono/route';
import { type MetricFamily, sample } from '../../model/metric.ts';
import { metric } from '../../model/metric-catalogue.ts';
import type { ApiVariables } from './routes.ts';

/** Of requests that met no route of ours. */
const UNKNOWN_ROUTE = '_unknown';

export class RequestCounts {
  /** By route and status class, neither of which has a space. */
  readonly #counts = new Map<string, number>();

  readonly count: MiddlewareHandler<ApiVariables> = async (c, next) => {
    await next();
    // The handler's own route; of what met none, the middleware's.
    const route = routePath(c, -1);
    const known = route.includes('*') ? UNKNOWN_ROUTE : route.replaceAll(/:(\w+)/g, '{$1}');
    const key = `${known} ${Math.floor(c.res.status / 100)}xx`;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  };

  metrics(): MetricFamily {
    return metric(
      'bridgewatch_api_requests_total',
      Array.from(this.#counts, ([key, value]) => {
        const [route, status] = key.split(' ') as [string, string];
        return sample(value, { route, status });
      }),
    );
  }
}
