/**
 * VictoriaMetrics: version 1's `/write`, without databases, administration or text. From trying 1.79: a field of text
 * becomes the number that it can be read as, else 0, for ever in its index, so none is sent; a line that it cannot read
 * is skipped with 204; timestamps are cut to milliseconds.
 */
import type { HttpReply } from '../http.ts';
import { SinkError } from '../sink.ts';
import type { Dialect } from './dialect.ts';
import { type Endpoint, victoriaMetricsEndpoint } from './endpoint.ts';
import { answerOf, writeFailure } from './reply.ts';

export const victoriaMetrics: Dialect = {
  endpoint: victoriaMetricsEndpoint,
  takesText: false,
  failure: victoriaMetricsFailure,

  // An empty write instead of a question after its health, which a cluster and vmauth answer elsewhere.
  async check({ endpoint, config, writeNothing }) {
    const refusal = victoriaMetricsFailure(await writeNothing(), endpoint, 0);
    if (refusal !== undefined) throw refusal;
    return `VictoriaMetrics: takes numbers, with the label db="${config.database}"`;
  },

  // There is nothing to make; the first write tells.
  async prepare() {},
};

function victoriaMetricsFailure(reply: HttpReply, endpoint: Endpoint, lines: number): SinkError | undefined {
  // It says 400, not 404, to a path that it does not know.
  if (reply.status === 400 && /unsupported path/.test(reply.body)) {
    return new SinkError('SINK_NO_TARGET', 'act', `${answerOf(reply, endpoint)}; ${endpoint.advice.missing}`);
  }
  return writeFailure(reply, endpoint, lines);
}
