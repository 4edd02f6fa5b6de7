/**
 * Files that take longest start first, so that none of them runs alone at the end while the other core idles. Measured
 * seconds; a file that is not named takes less than two.
 */
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const SECS: Readonly<Record<string, number>> = {
  'capture/live-leaks.test.ts': 23,
  'capture/portable.test.ts': 17,
  'station/store/store.test.ts': 7,
  'meta/docs.test.ts': 6,
  'capture/live-end.test.ts': 5,
  'capture/file.test.ts': 3,
  'sensor/decode/corpus.test.ts': 3,
  'capture/live.test.ts': 3,
  'capture/native.test.ts': 2,
  'capture/file-corpus.test.ts': 2,
};

export class SlowFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.sort((a, b) => secsOf(b) - secsOf(a));
  }
}

function secsOf({ moduleId }: TestSpecification): number {
  return SECS[moduleId.slice(moduleId.lastIndexOf('/test/') + '/test/'.length)] ?? 0;
}
