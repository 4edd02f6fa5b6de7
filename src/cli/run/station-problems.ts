import { silenceOf } from '../../station/sensor-silence.ts';
import type { Station } from '../../station/station.ts';

/** What a person should know of the agent, one line each; empty when all is well. */
export function stationProblems(station: Station): string[] {
  const status = station.status();
  if (status === undefined) return [];
  const sensor = station.sensor();
  return [
    ...(sensor?.state.problems ?? []),
    ...(sensor === undefined ? [] : asLines(silenceOf(sensor))),
    ...asLines(status.store.problem),
    ...asLines(status.evidence.problem),
    ...status.apiProblems,
    ...status.sinks.flatMap(({ sink, problem }) => asLines(problem).map((line) => `${sink}: ${line}`)),
  ];
}

function asLines(problem: string | undefined): string[] {
  return problem === undefined ? [] : [problem];
}
