import type { SensorReport } from './api/routes.ts';

/** A sensor that has told nothing for as long is said to be silent; it tells how it is every two seconds. */
export const SENSOR_SILENT_MS = 10_000;

/** In one line; undefined while it is heard. */
export function silenceOf({ silentMs }: Pick<SensorReport, 'silentMs'>): string | undefined {
  return silentMs < SENSOR_SILENT_MS
    ? undefined
    : `the sensor has told nothing for ${Math.round(silentMs / 1000)} s`;
}
