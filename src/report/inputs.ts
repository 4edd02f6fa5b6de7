/** What a case was read from, told to its report: files that were not whole are what could not be seen. */
import type { CaseFile, CaseInput } from '../model/case-input.ts';
import { clockText, counted } from '../model/readable.ts';
import { formatMicros } from '../model/time.ts';
import type { CaseBuilder } from './case-builder.ts';

const BROKEN: Partial<Readonly<Record<CaseFile['end'], string>>> = {
  cut: 'Not read to its end',
  corrupt: 'Not read to its end',
  unreadable: 'Could not be read',
};

export function addInput(builder: CaseBuilder, input: CaseInput): void {
  const { files, unlisted, ends, notCaptures, duplicates, alike, openedLate } = input;
  for (const { path, end, detail } of files) {
    if (end !== 'unreadable' && end !== 'copy' && end !== 'outside') builder.input(path);
    const broken = BROKEN[end];
    if (broken !== undefined) builder.problem(`${broken}: ${path}`, detail ?? end);
  }
  if (unlisted > 0) builder.remark(`${counted(unlisted, 'further file')} read, not listed`);
  const told = files.filter(({ end }) => BROKEN[end] !== undefined).length;
  const untold = ends.cut + ends.corrupt + ends.unreadable - told;
  if (untold > 0) builder.problem('Not read to their end', `${untold} further files`);
  if (ends.copy > 0)
    builder.remark(`${counted(ends.copy, 'file is a copy', 'files are copies')} of another, and read once`);
  if (ends.outside > 0)
    builder.remark(`${counted(ends.outside, 'file')} outside of the time that was asked for`);
  if (notCaptures > 0)
    builder.remark(`${counted(notCaptures, 'file')} in the folders passed over: no captures`);
  if (duplicates > 0) builder.remark(`${duplicates} packets stood in two files, and were counted once`);
  if (alike > 0)
    builder.problem(
      'Perhaps counted twice',
      `${alike} packets stood in two files that name no interface, at the same time: amounts are too large if both are of one interface`,
    );
  if (openedLate > 0)
    builder.problem(
      'Out of order',
      `${openedLate} files were opened late, too many overlapped: packets may be up to 10 s out of order`,
    );
  addChoice(builder, input);
}

/** What was left out on purpose, and by what addresses were named. */
function addChoice(builder: CaseBuilder, { since, until, filter, inventory }: CaseInput): void {
  const at = (time: number) => clockText(formatMicros(time));
  if (since !== undefined) builder.remark(`only packets from ${at(since)} on, as was asked`);
  if (until !== undefined) builder.remark(`only packets before ${at(until)}, as was asked`);
  if (filter !== undefined) builder.remark(`only packets that match the capture filter: ${filter}`);
  const { kind, source } = inventory;
  if (kind === 'none')
    builder.problem(
      'No inventory',
      'which addresses are containers, and which networks are internal, was not given (--inventory, --network): detectors that must know it found nothing',
    );
  else
    builder.remark(`addresses are named by ${INVENTORIES[kind]}${source === undefined ? '' : `, ${source}`}`);
}

const INVENTORIES: Readonly<Record<Exclude<CaseInput['inventory']['kind'], 'none'>, string>> = {
  networks: 'the networks that were given (--network), which name no container',
  map: 'what bridgewatch map printed',
  records: 'leases, as the agent recorded them',
  database: "an agent's database: who held them at that time",
  engine: 'the engine that runs here now',
};
