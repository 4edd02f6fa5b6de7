/** Message templates: which placeholders exist, and the check that a definition uses no other. */
import type { AnalyzerDefinition } from './analyzer.ts';

export const PLACEHOLDER = /\{(\w+)\}/g;

/** Filled from the report itself; all others are keys of the evidence. */
const OF_THE_REPORT: readonly string[] = ['subject', 'peers', 'network'];

/** Throws when a sentence could not be filled: a bug of the analyzer, found before it runs. */
export function checkMessages(definition: AnalyzerDefinition): void {
  const shape: unknown = 'shape' in definition.evidence ? definition.evidence.shape : {};
  const known = [...OF_THE_REPORT, ...Object.keys(shape as object)];
  for (const [message, template] of Object.entries(definition.messages)) {
    for (const [, name] of template.matchAll(PLACEHOLDER)) {
      if (known.includes(name!)) continue;
      throw new Error(
        `analyzer ${definition.id}: message ${message} names {${name}}, which its evidence does not have`,
      );
    }
  }
}
