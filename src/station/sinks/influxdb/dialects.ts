/** Every flavor by its name in the configuration. */
import type { Dialect } from './dialect.ts';
import type { Flavor } from './options.ts';
import { v1 } from './v1.ts';
import { v2 } from './v2.ts';
import { v3 } from './v3.ts';
import { victoriaMetrics } from './victoriametrics.ts';

export const DIALECTS: Readonly<Record<Flavor, Dialect>> = {
  1: v1,
  2: v2,
  3: v3,
  victoriametrics: victoriaMetrics,
};
