import type { Station } from '../station/station.ts';

/** What a person should know of the station, one line each; empty when all is well. */
export function stationProblems(station: Station): string[] {
  const status = station.status();
  if (status === undefined) return [];
  const store = status.store.problem === undefined ? [] : [status.store.problem];
  return [
    ...store,
    ...status.sinks.flatMap(({ sink, problem }) => (problem === undefined ? [] : [`${sink}: ${problem}`])),
  ];
}
