/**
 * Which records are for a sink: by kind, severity and filter. What is not for it is settled without being sent. Pure,
 * and the same for a record each time, so that trying a batch again sends the same.
 */
import { FINDING_STORM, SEVERITIES } from '../../model/finding.ts';
import { type PublicFinding, parseRecord } from '../../model/serialize.ts';
import { QueryError } from '../../query/error.ts';
import { compileFilter, type Filter } from '../../query/filter.ts';
import type { Delivery } from '../entry.ts';
import { FORMATS } from '../formats/formats.ts';
import type { CommonSinkConfig } from './definition.ts';
import type { Sink } from './sink.ts';

type Wants = (delivery: Pick<Delivery, 'kind' | 'text'>) => boolean;

/** The same sink, for those of the kinds it accepts that `wants` takes. */
export function routed(sink: Sink, wants: Wants | undefined): Sink {
  if (wants === undefined) return sink;
  return {
    name: sink.name,
    accepts: sink.accepts,
    wants,
    check: (signal) => sink.check(signal),
    prepare: (signal) => sink.prepare(signal),
    write: (batch, signal) => sink.write(batch, signal),
    close: () => sink.close(),
  };
}

/** Undefined where everything of its kinds is for it: then no record need be read. */
export function routeOf(config: CommonSinkConfig): Wants | undefined {
  const floor = SEVERITIES.indexOf(config.min_severity);
  const filter = config.filter === undefined ? undefined : compile(config.filter, config);
  const takesMuted = config.include_muted;
  if (floor <= 0 && filter === undefined && takesMuted) return undefined;
  return ({ kind, text }) => {
    if (filter === undefined && kind !== 'finding') return true;
    const record = parseRecord(text);
    if (record.kind === 'finding') {
      if (SEVERITIES.indexOf(record.severity) < floor) return false;
      if (!takesMuted && isKeptQuiet(record)) return false;
      // It stands for what the filter may have taken, and is all that is told of that.
      if (!takesMuted && record.analyzer === FINDING_STORM) return true;
    }
    return filter?.matches(record) !== false;
  };
}

/** The record that begins a mute is told: without it, who was told of the finding would wait for its end for ever. */
function isKeptQuiet({ muted, foldedInto }: PublicFinding): boolean {
  return foldedInto !== undefined || (muted !== undefined && muted.begins !== true);
}

export interface RouteProblem {
  /** The option. */
  readonly option: 'filter' | 'format';
  readonly problem: string;
}

/** What of the options does not go together. */
export function routeProblems(config: CommonSinkConfig): readonly RouteProblem[] {
  const problems: RouteProblem[] = [];
  const { filter, format } = config;
  const filterProblem = filter === undefined ? undefined : problemOf(filter, config);
  if (filterProblem !== undefined) problems.push({ option: 'filter', problem: filterProblem });
  const without = format === undefined ? [] : config.kinds.filter((kind) => !FORMATS[format].carries(kind));
  if (without.length > 0) {
    const problem = `${format} has no form for ${without.join(', ')}; take another format, or leave ${without.length > 1 ? 'them' : 'it'} out of kinds`;
    problems.push({ option: 'format', problem });
  }
  return problems;
}

/** It is asked once a record and knows no time of day: what is new is sent when it comes. */
function compile(text: string, { kinds }: CommonSinkConfig): Filter {
  return compileFilter(text, { kinds, now: 0 });
}

function problemOf(text: string, config: CommonSinkConfig): string | undefined {
  try {
    return compile(text, config).asksForTime
      ? 'a filter by time has no place here: records are sent when they come'
      : undefined;
  } catch (error) {
    if (error instanceof QueryError) return error.message;
    throw error;
  }
}
