/** Filters that say which findings are meant by something that holds for a while: an exception, a mute. */
import { QueryError } from './error.ts';
import { compileFilter, type Filter } from './filter.ts';

/** Of times it knows nothing: until when it holds is said beside it. Throws a QueryError. */
export function compileFindingFilter(where: string): Filter {
  return compileFilter(where, { kinds: ['finding'], now: 0 });
}

/** Undefined when it is one. */
export function findingFilterProblem(where: string): string | undefined {
  try {
    return compileFindingFilter(where).asksForTime
      ? 'a filter by time has no place here: say `until`'
      : undefined;
  } catch (error) {
    if (error instanceof QueryError) return error.message;
    throw error;
  }
}
