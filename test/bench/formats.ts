/** What a record costs in each output format, its native line included: what a sink pays beyond delivering it. */
import { parseRecord, serializeRecord } from '../../src/model/serialize.ts';
import { FORMAT_NAMES, FORMATS, type FormatName } from '../../src/station/formats/formats.ts';
import { encodeSyslog } from '../../src/station/formats/rfc5424.ts';
import { syslogMessage } from '../../src/station/formats/syslog.ts';
import { dns, finding, flow } from '../station/support/records.ts';
import type { Target } from './report.ts';

const RECORDS = 100;
const ROUNDS = 200;
const EMITTER = { host: 'vps1', version: '0.1.0' };
/** To say a record in other words must not cost much more than to read it: a ratio, so that any machine will do. */
const MAX_PARSES = 10;

const SOURCES = { finding, flow, dns } as const;

export function measureFormats(): readonly Target[] {
  const works = Object.entries(SOURCES).flatMap(([kind, make]) => {
    const records = Array.from({ length: RECORDS }, (_, i) => parseRecord(serializeRecord(make(i))));
    const texts = records.map((record) => JSON.stringify(record));
    const encode = (name: FormatName) => () => {
      for (const record of records) FORMATS[name].encode(record, EMITTER);
    };
    return [
      { kind, name: 'parse', work: () => texts.forEach(parseRecord) },
      ...FORMAT_NAMES.filter((name) => FORMATS[name].carries(records[0]!.kind)).map((name) => ({
        kind,
        name,
        work: encode(name),
      })),
      {
        kind,
        name: 'syslog',
        work: () => {
          for (const record of records) encodeSyslog(syslogMessage(record, 'a sentence', EMITTER));
        },
      },
    ];
  });
  const least = new Map(works.map(({ work }) => [work, Number.POSITIVE_INFINITY]));
  // Interleaved: a machine that is busy for a while is then busy for all of them.
  for (let round = 0; round < ROUNDS; round++)
    for (const { work } of works) least.set(work, Math.min(least.get(work)!, microsEach(work)));
  console.log(`\noutput formats, us a record: least of ${ROUNDS} rounds of ${RECORDS}\n`);
  for (const { kind, name, work } of works)
    console.log(`${kind.padEnd(8)} ${name.padEnd(7)} ${least.get(work)!.toFixed(1).padStart(6)}`);
  const parse = new Map(
    works.filter(({ name }) => name === 'parse').map(({ kind, work }) => [kind, least.get(work)!]),
  );
  const worst = Math.max(...works.map(({ kind, work }) => least.get(work)! / parse.get(kind)!));
  return [
    { what: 'the dearest output format, times the parsing of its record', value: worst, atMost: MAX_PARSES },
  ];
}

function microsEach(work: () => void): number {
  const from = performance.now();
  work();
  return ((performance.now() - from) * 1000) / RECORDS;
}

if (process.argv[1]?.endsWith('bench/formats.ts') === true) {
  const { isMet, targetText } = await import('./report.ts');
  const targets = measureFormats();
  console.log('');
  for (const target of targets) console.log(`  ${targetText(target)}`);
  process.exitCode = targets.every(isMet) ? 0 : 1;
}
