/**
 * What of real captures is called no DNS: nothing that is benign, and the raw mode of a tunnel. Development captures
 * live outside the repository; without them this is skipped, loudly.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openCaptureFile } from '../../../capture/open.ts';
import type { NotDns } from '../../../src/sensor/analysis/analyzer.ts';
import type { Tap } from '../../../src/sensor/taps/tap.ts';
import { listener, startPipeline } from '../pipeline-run.ts';

const CORPUS = join(import.meta.dirname, '../../../../shared/corpus');
const hasCorpus = existsSync(CORPUS);
if (!hasCorpus) console.warn(`SKIPPED: no captures at ${CORPUS}: what is no DNS is not measured on them`);

const filesOf = (folder: string): string[] =>
  hasCorpus ? readdirSync(join(CORPUS, folder)).filter((name) => /\.(pcap|cap|pcapng)$/.test(name)) : [];

async function heardIn(path: string) {
  const notDns: NotDns[] = [];
  const questions = { count: 0 };
  const analyzer = listener('none', {
    onNotDns: (event) => void notDns.push(event),
    onDnsQuery: () => void questions.count++,
  });
  const { pipeline } = startPipeline({ analyzers: [analyzer], wants: { flows: false, traffic: false } });
  const { source } = await openCaptureFile({ path }, 'auto');
  const taps: Tap[] = [];
  await source.run((batch) => {
    for (let i = taps.length; i < source.interfaces.length; i++) {
      const { name, linkType } = source.interfaces[i]!;
      taps.push(pipeline.attach({ interface: name, linkType, vantage: 'file' }));
    }
    pipeline.onBatch(batch, taps);
  });
  pipeline.finish();
  return { notDns, questions: questions.count };
}

describe.skipIf(!hasCorpus)('bytes on port 53 that are no DNS', () => {
  it.each(filesOf('benign'))('none in %s', async (name) => {
    expect((await heardIn(join(CORPUS, 'benign', name))).notDns).toEqual([]);
  });

  it('nothing malformed throws', async () => {
    for (const name of filesOf('malformed')) {
      const path = join(CORPUS, 'malformed', name);
      // Some are no captures at all.
      await heardIn(path).catch((error: { code?: string }) => expect(error.code).toMatch(/^CAPTURE_|^FILE_/));
    }
  });
});
