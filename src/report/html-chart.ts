/** The case in one picture: when each of the worst findings went on, and when anything else happened. */
import { clockText } from '../model/readable.ts';
import { parseMicros, spanText } from '../model/time.ts';
import type { CaseReport } from './case.ts';
import { html } from './html-escape.ts';

const WIDTH = 1000;
const LABEL_WIDTH = 300;
const RIGHT = 20;
const ROW = 22;
const TOP = 8;
const MAX_ROWS = 12;
/** Of what took no time, so that it can be seen. */
const LEAST_BAR = 5;
const MAX_LABEL_CHARS = 44;

/** Empty where there is no finding, or no time to draw. */
export function chart({ findings, timeline, looked }: CaseReport): string {
  const from = parseMicros(looked.first ?? '');
  const to = parseMicros(looked.last ?? '');
  if (findings.length === 0 || from === undefined || to === undefined) return '';
  const span = Math.max(1, to - from);
  const x = (time: string): number => {
    const at = Math.min(to, Math.max(from, parseMicros(time) ?? from));
    return LABEL_WIDTH + ((at - from) / span) * (WIDTH - LABEL_WIDTH - RIGHT);
  };
  const shown = findings.slice(0, MAX_ROWS);
  const rows = shown.map(({ ref, analyzer, severity, subject, firstSeen, lastSeen }, i) => {
    const y = TOP + i * ROW;
    const begin = Math.min(x(firstSeen), WIDTH - RIGHT - LEAST_BAR);
    const width = Math.max(LEAST_BAR, x(lastSeen) - begin);
    return `<text x="0" y="${y + 14}">${html(cut(`${ref} ${analyzer}, ${subject.label}`))}</text><rect class="bar ${severity}" x="${fixed(begin)}" y="${y + 4}" width="${fixed(width)}" height="${ROW - 9}" rx="2"/>`;
  });
  const base = TOP + shown.length * ROW + 4;
  const ticks = timeline.items
    .filter(({ of }) => of !== 'finding')
    .map(({ time }) => fixed(x(time)))
    .filter((at, i, all) => all.indexOf(at) === i)
    .map((at) => `<line class="tick" x1="${at}" y1="${base + 2}" x2="${at}" y2="${base + 12}"/>`);
  const height = base + 34;
  const more = findings.length - shown.length;
  const about = `${shown.length} of ${findings.length} findings over ${spanText(span)}, from ${clockText(looked.first!)} to ${clockText(looked.last!)}. The table of what happened has the same in words.`;
  return [
    '<figure>',
    `<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="chart-title chart-text"><title id="chart-title">When the findings went on</title><desc id="chart-text">${html(about)}</desc>`,
    ...rows,
    `<text class="soft" x="0" y="${base + 12}">what else happened</text>`,
    `<line class="axis" x1="${LABEL_WIDTH}" y1="${base}" x2="${WIDTH - RIGHT}" y2="${base}"/>`,
    ...ticks,
    `<text class="soft" x="${LABEL_WIDTH}" y="${base + 28}">${html(clockText(looked.first!))}</text>`,
    `<text class="soft" x="${WIDTH - RIGHT}" y="${base + 28}" text-anchor="end">${html(clockText(looked.last!))}</text>`,
    '</svg>',
    more > 0
      ? `<figcaption class="soft">The worst ${shown.length}; ${more} more are in the table.</figcaption>`
      : '',
    '</figure>',
  ].join('');
}

function fixed(value: number): string {
  return value.toFixed(1);
}

function cut(text: string): string {
  return text.length <= MAX_LABEL_CHARS ? text : `${text.slice(0, MAX_LABEL_CHARS - 1)}~`;
}
