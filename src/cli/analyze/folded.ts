/**
 * Findings that a storm tells of, for people: counted instead of shown, so that what tells of them is not lost among them.
 */
import type { AgentRecord } from '../../model/record.ts';

export class FoldedFindings {
  readonly #byStorm = new Map<string, number>();

  /** Whether another finding tells of this one. */
  takes(record: AgentRecord): boolean {
    if (record.kind !== 'finding' || record.foldedInto === undefined) return false;
    const { foldedInto, status } = record;
    const opens = status === 'open' || status === 'reopened' ? 1 : 0;
    this.#byStorm.set(foldedInto, (this.#byStorm.get(foldedInto) ?? 0) + opens);
    return true;
  }

  /** A line for each storm. */
  lines(): string[] {
    return [...this.#byStorm].map(
      ([storm, count]) =>
        `${count} findings are told as one, the finding-storm with id ${storm}; --all prints each`,
    );
  }
}
