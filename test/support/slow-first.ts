/**
 * Files that take longest start first, so that none of them runs alone at the end while the other core idles. Measured
 * seconds; a file that is not named takes less than two.
 */
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const SECS: Readonly<Record<string, number>> = {
  'integration/fault-run.test.ts': 60,
  'analyzers/dns-tunnel.look-alikes.test.ts': 45,
  'integration/native-asan.test.ts': 43,
  'integration/cli-worlds.test.ts': 40,
  'integration/corpus.test.ts': 33,
  'capture/live-leaks.test.ts': 22,
  'capture/portable.test.ts': 18,
  'analyzers/dns-tunnel.bounds.test.ts': 15,
  'meta/docs.test.ts': 9,
  'station/store/prefilter.test.ts': 8,
  'station/store/store.test.ts': 7,
  'station/store/leases.test.ts': 6,
  'sensor/dns/corpus.test.ts': 6,
  'capture/live-end.test.ts': 5,
  'cli/who.test.ts': 4,
  'meta/new-analyzer.test.ts': 4,
  'capture/file.test.ts': 4,
  'sensor/content/random.test.ts': 4,
  'capture/live.test.ts': 3,
  'capture/file-corpus.test.ts': 3,
  'sensor/decode/corpus.test.ts': 3,
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
