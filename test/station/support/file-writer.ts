/**
 * A station with a sink `file`, to be killed: `node --import tsx file-writer.ts DIRECTORY FIRST LAST`. Tells findings FIRST
 * to LAST, and on stdout the number of each that is announced, that is, on the disk.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Station } from '../../../src/station/station.ts';
import { memoryLogger, QUICK_RETRY, stationConfig } from './harness.ts';
import { finding } from './records.ts';

const [directory = '', first = '', last = ''] = process.argv.slice(2);
const sink = { type: 'file', path: `${directory}/x.ndjson`, rotate_max_bytes: 200_000, rotate_keep: 100 };
const station = new Station(stationConfig(directory, {}, {}, [sink]), {
  logger: memoryLogger().logger,
  retry: QUICK_RETRY,
});
await station.start('one run');
for (let n = Number(first); n <= Number(last); n++) {
  station.receive(finding(n), n + 1);
  station.whenKept(() => void process.stdout.write(`${n}\n`));
  await nextTurn();
}
await station.stop();
