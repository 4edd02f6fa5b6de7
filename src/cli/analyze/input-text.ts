/** What must be known of the files of a case beside what was found in them. Lines are raw: `complain` escapes them. */
import type { CaseFile, CaseInput } from '../../model/case-input.ts';

/** More are counted. */
const MAX_FILES_TOLD = 20;

export function inputRemarks(input: CaseInput): string[] {
  const { files, unlisted, duplicates, alike, openedLate } = input;
  if (files.length + unlisted <= 1) return [];
  return [
    ...brokenFiles(input),
    ...(duplicates > 0 ? [`${duplicates} packets are in two files of the same interface: counted once`] : []),
    ...(alike > 0
      ? [
          `${alike} packets are in two files at the same time: counted twice, since the files name no interface; leave one out if both are of one interface`,
        ]
      : []),
    ...(openedLate > 0
      ? [`${openedLate} files were opened late, too many overlap: packets may be up to 10 s out of order`]
      : []),
  ];
}

/** Of one alone, the end of the analysis tells. */
function brokenFiles({ files, ends }: CaseInput): string[] {
  const broken = files.filter(isBroken);
  const more = ends.cut + ends.corrupt + ends.unreadable - Math.min(broken.length, MAX_FILES_TOLD);
  const told = broken.slice(0, MAX_FILES_TOLD).map(({ detail = '' }) => detail);
  return more > 0 ? [...told, `and ${more} files more that were not read to their end`] : told;
}

function isBroken({ end }: CaseFile): boolean {
  return end === 'cut' || end === 'corrupt' || end === 'unreadable';
}
