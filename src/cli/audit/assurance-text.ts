/**
 * The assurance of internal networks for a person at 3 a.m.: what stands open and who it is, whether it was gone, what is
 * shut and was tried all the same, what nobody can tell from here. A way that a check has told already is one line.
 */
import type { NetworkAssurance, WayOut } from '../../model/audit.ts';
import { escapeText } from '../../model/escape.ts';
import { wrap } from '../../report/text-table.ts';
import { ways } from '../../sensor/audit/assurance/ways.ts';
import internalWaysOut from '../../sensor/audit/checks/internal-ways-out.ts';
import { paintSeverity } from '../lib/output.ts';

const WIDTH = 110;
const INDENT = '    ';
const MAX_CHARS = 1000;
const MARK_WORDS = { possible: 'stands open', attempted: 'was tried', used: 'WAS USED' } as const;

/** Lines for the report; none where no network is internal. */
export function assuranceSections(assurances: readonly NetworkAssurance[]): string[] {
  return assurances.flatMap((assurance) => ['', ...sectionOf(assurance)]);
}

function sectionOf({ network, ways: open, shut, notKnown, basis }: NetworkAssurance): string[] {
  const tried = shut.filter(({ attempts }) => attempts !== undefined);
  const quiet = shut.filter(({ attempts }) => attempts === undefined);
  return [
    `== ways out of the internal network ${escapeText(network, 40)}: ${headline(open, notKnown)}`,
    '',
    ...open.flatMap(wayLines),
    ...tried.flatMap(({ way, reason, attempts }) => block(`shut, and tried: ${way}: ${reason}; ${attempts}`)),
    ...(quiet.length === 0 ? [] : block(`shut: ${quiet.map(({ way }) => way).join(', ')}`)),
    ...unknownLines(notKnown),
    ...block(basis),
  ];
}

/** One reason keeps many ways from being known, as a rule. */
function unknownLines(notKnown: NetworkAssurance['notKnown']): string[] {
  const reasons = [...new Set(notKnown.map(({ reason }) => reason))];
  return reasons.flatMap((reason) => {
    const same = notKnown.filter((each) => each.reason === reason);
    return [
      ...block(`not known: ${same.map(({ way }) => way).join(', ')}: ${reason}`),
      ...hanging(same[0]!.remedy),
    ];
  });
}

function headline(open: readonly WayOut[], notKnown: NetworkAssurance['notKnown']): string {
  const used = open.filter(({ mark }) => mark === 'used').length;
  const tried = open.filter(({ mark }) => mark === 'attempted').length;
  const unknown = new Set(notKnown.map(({ way }) => way)).size;
  if (open.length === 0) {
    return unknown === 0 ? 'all that are known are shut' : `none found, ${unknown} not known`;
  }
  return [
    `${open.length} open`,
    ...(used === 0 ? [] : [`${used} of them used`]),
    ...(tried === 0 ? [] : [`${tried} tried`]),
    ...(unknown === 0 ? [] : [`${unknown} not known`]),
  ].join(', ');
}

/** How to mend it stands with the check that fails for it. */
function wayLines({ way, mark, severity, explanation }: WayOut): string[] {
  const check = ways.find(({ id }) => id === way)?.toldBy ?? internalWaysOut.id;
  return [
    `${paintSeverity(severity)}  ${way}: ${MARK_WORDS[mark]}  (to mend it: ${check})`,
    ...block(explanation),
    '',
  ];
}

function block(text: string, indent = INDENT): string[] {
  return wrap(escapeText(text, MAX_CHARS), WIDTH, indent);
}

function hanging(text: string): string[] {
  const [first = '', ...rest] = block(text, `${INDENT}   `);
  return [`${INDENT}-> ${first.trimStart()}`, ...rest];
}
