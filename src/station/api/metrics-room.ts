/**
 * `GET /metrics`: what both wings count and measure of themselves, for Prometheus; as JSON for our own commands. What
 * the sensor tells is as old as its last word, two seconds, and is left out once it is silent.
 */
import type { MetricFamily } from '../../model/metric.ts';
import { metric } from '../../model/metric-catalogue.ts';
import { ProcessMeter } from '../../telemetry/process-meter.ts';
import { stationMetrics } from '../metrics.ts';
import { silenceOf } from '../sensor-silence.ts';
import { expose } from './exposition.ts';
import { operation, serve } from './operation.ts';
import { JSON_TYPE, jsonAnswer } from './record-answer.ts';
import { RequestCounts } from './request-counts.ts';
import type { ApiApp, ApiDeps, RoomMetrics } from './routes.ts';

const getMetrics = operation({
  method: 'get',
  path: '/metrics',
  id: 'getMetrics',
  summary: 'What the agent counts and measures of itself, for Prometheus; docs/metrics.md lists it.',
  answers: {
    200: {
      description: 'All families, in the format that `Accept` asks for; by default text 0.0.4.',
      content: {
        'text/plain': { type: 'string' },
        'application/openmetrics-text': { type: 'string' },
        [JSON_TYPE]: { type: 'array', items: { type: 'object' } },
      },
    },
  },
});

export const metricsOperations = [getMetrics];

/** A process has one, however many applications a test makes in it. */
let meter: ProcessMeter | undefined;

export function metricsRoom(app: ApiApp, deps: ApiDeps, rooms: RoomMetrics): void {
  meter ??= new ProcessMeter('station');
  const own = meter;
  const requests = new RequestCounts();
  app.use(requests.count);
  serve(app, getMetrics, async ({ c }) => {
    const families = [...agentMetrics(deps), ...own.metrics(), ...rooms.all(), requests.metrics()];
    const accept = c.req.header('accept');
    if (accept?.trim().startsWith(JSON_TYPE) === true) return jsonAnswer(JSON.stringify(families));
    const { contentType, text } = await expose(families, accept);
    return new Response(text, { headers: { 'content-type': contentType, 'cache-control': 'no-store' } });
  });
}

export function agentMetrics({ version, status, sensor, now }: ApiDeps): MetricFamily[] {
  const station = status();
  const report = sensor();
  const build = { labels: { version, node: process.versions.node }, value: 1 };
  return [
    metric('bridgewatch_build_info', [build]),
    ...(report === undefined
      ? []
      : [metric('bridgewatch_sensor_silence_seconds', Math.round(report.silentMs) / 1000)]),
    ...(report === undefined || silenceOf(report) !== undefined ? [] : report.state.metrics),
    ...(station === undefined ? [] : stationMetrics(station, now())),
  ];
}
