/**
 * A sensor without packets, to be killed: `node --import tsx sensor.ts MAIN CONFIG JOURNAL SEED FIRST`. All but where the
 * findings come from is that of `bridgewatch run`: its configuration, its link, its station as a process of its own (MAIN is
 * the built executable). On stdin a line `N` asks for records until N findings are opened, `end` for the end. The journal
 * has `t KEY` before a record is told and `k COUNT` when all of so many are acknowledged, so that it outlives a kill.
 */
import { openSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { StationLink } from '../../../src/channel/station-link.ts';
import { loadSettings } from '../../../src/cli/lib/settings.ts';
import { stationApart } from '../../../src/cli/run/station-apart.ts';
import { createLogger } from '../../../src/telemetry/logger.ts';
import { keyOf } from './keys.ts';
import { Workload } from './workload.ts';

const RECORDS_A_TURN = 8;
const TURN_MS = 10;

const [main = '', configFile = '', journalFile = '', seed = '', first = ''] = process.argv.slice(2);
// The station is started as this process was, and it is to be the real one.
process.argv[1] = main;
process.execArgv = [];

const config = loadSettings({ config: configFile });
const log = createLogger(config.log.level);
const station = await stationApart(config, log, true);
station.watch(() => ({ problems: [], metrics: [] }));
const link = station.sender as StationLink;
const workload = new Workload({
  seed: Number(seed),
  first: Number(first),
  startsAt: Date.now() * 1000,
});
const journal = openSync(journalFile, 'a');
let wanted = 0;
let told = 0;
let kept = 0;
let isEnding = false;

const timer = setInterval(() => {
  if (told > kept && link.waiting === 0) {
    kept = told;
    writeSync(journal, `k ${kept}\n`);
  }
  for (let i = 0; i < RECORDS_A_TURN && workload.opened < wanted; i++) {
    const record = workload.next();
    writeSync(journal, `t ${keyOf(record)}\n`);
    told += 1;
    link.send(workload.flowOf(record));
    link.send(record);
  }
  if (!isEnding || workload.opened < wanted) return;
  clearInterval(timer);
  void station.stop().then(() => process.exit());
}, TURN_MS);

createInterface({ input: process.stdin }).on('line', (line) => {
  if (line === 'end') isEnding = true;
  else wanted = Number(line);
});
