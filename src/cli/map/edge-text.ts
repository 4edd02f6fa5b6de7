/** Edges as a person reads them: under the network that carries them, the busiest first. */
import { escapeText } from '../../model/escape.ts';
import type { Network } from '../../model/network.ts';
import { counted } from '../../model/readable.ts';
import { clockText, formatBytes } from '../lib/output.ts';
import type { EdgeRecord } from '../lib/records.ts';

export interface EdgePicture {
  /** End of the window. */
  readonly time: string;
  readonly windowSecs: number;
  /** The busiest first. */
  readonly edges: readonly EdgeRecord[];
  /** What the engine says; undefined when it was not asked or did not answer. */
  readonly networks?: readonly PicturedNetwork[] | undefined;
  /** What makes the picture less than it should be, one line each. */
  readonly notices: readonly string[];
}

export interface PicturedNetwork {
  readonly network: Network;
  readonly containers: number;
}

export interface EdgeTextLimits {
  /** Of the terminal; no bound when absent. */
  readonly rows?: number | undefined;
  readonly columns?: number | undefined;
}

const MAX_LABEL = 60;
/** Less would show nothing of a busy network. */
const LEAST_EDGES = 3;

export function edgeText(picture: EdgePicture, limits: EdgeTextLimits = {}): string {
  const head = [headline(picture), ...picture.notices.map((notice) => `! ${escapeText(notice, 500)}`)];
  let shown = picture.edges;
  let lines = [...head, ...body(picture, shown)];
  // Each round leaves out at least one edge, and with the last of a network its heading.
  while (limits.rows !== undefined && lines.length > limits.rows && shown.length > LEAST_EDGES) {
    shown = shown.slice(0, Math.max(LEAST_EDGES, shown.length - (lines.length - limits.rows)));
    lines = [...head, ...body(picture, shown)];
  }
  const { columns, rows } = limits;
  const fitting = rows === undefined ? lines : lines.slice(0, rows);
  return fitting.map((line) => (columns === undefined ? line : cut(line, columns))).join('\n');
}

function headline({ time, windowSecs, edges }: EdgePicture): string {
  const count = counted(edges.length, 'edge');
  return `${clockText(time)}  ${count} in the last ${durationText(windowSecs)}`;
}

function body(picture: EdgePicture, shown: readonly EdgeRecord[]): string[] {
  const byNetwork = new Map<string, EdgeRecord[]>();
  for (const edge of shown) {
    const list = byNetwork.get(edge.network);
    if (list === undefined) byNetwork.set(edge.network, [edge]);
    else list.push(edge);
  }
  const rows = new Map(shown.map((edge) => [edge, cells(edge)]));
  const widths = [0, 1, 2, 3].map((i) => Math.max(0, ...[...rows.values()].map((row) => row[i]!.length)));
  const lines: string[] = [];
  for (const [name, edges] of byNetwork) {
    lines.push('', heading(name, picture.networks));
    for (const edge of edges) lines.push(`  ${aligned(rows.get(edge)!, widths)}`);
  }
  const left = picture.edges.length - shown.length;
  if (left > 0) lines.push('', `and ${left} more, none of them busier`);
  const quiet = (picture.networks ?? []).filter(
    ({ network, containers }) =>
      containers > 0 && !picture.edges.some((edge) => edge.network === network.name),
  );
  if (quiet.length > 0)
    lines.push('', `quiet: ${quiet.map(({ network }) => escapeText(network.name, MAX_LABEL)).join(', ')}`);
  return lines;
}

/** `shop_data  internal  br-0a1b2c3d4e5f  172.30.0.0/24  2 containers`. */
function heading(name: string, networks: readonly PicturedNetwork[] | undefined): string {
  const known = networks?.find(({ network }) => network.name === name);
  if (known === undefined) return escapeText(name, MAX_LABEL);
  const { network, containers } = known;
  const facts = [
    name,
    network.internal ? 'internal' : '',
    network.bridge ?? network.driver,
    network.subnets.join(' '),
    counted(containers, 'container'),
  ];
  return facts
    .filter((fact) => fact !== '')
    .map((fact) => escapeText(fact, MAX_LABEL))
    .join('  ');
}

/** `shop/api -> shop/db:5432`, `tcp`, `12.3 KiB/s`, `since 14:02Z`, `3 flows`. */
function cells(edge: EdgeRecord): string[] {
  const { orig, resp, respPort, protocol, since, time, flows } = edge;
  const port = respPort === undefined ? '' : `:${respPort}`;
  const target = respPort === undefined ? resp : bracketed(resp);
  return [
    `${escapeText(orig, MAX_LABEL)} -> ${escapeText(target, MAX_LABEL)}${port}`,
    escapeText(protocol),
    rateText(edge),
    `since ${momentText(since, time)}`,
    counted(flows, 'flow'),
  ];
}

/** RFC 3986: an IPv6 address before a port. */
function bracketed(label: string): string {
  return label.replace(/^(\S+ )([0-9a-f:.]*:[0-9a-f:.]*)$/, '$1[$2]');
}

function rateText({ bytesPerSecond }: EdgeRecord): string {
  return `${formatBytes(bytesPerSecond)}/s`;
}

/** The day only where it is another one. UTC, as everywhere. */
function momentText(iso: string, now: string): string {
  const text = `${clockText(iso).slice(0, -4)}Z`;
  return iso.slice(0, 10) === now.slice(0, 10) ? text.slice(11) : text;
}

function durationText(secs: number): string {
  if (secs % 86_400 === 0) return `${secs / 86_400} d`;
  if (secs % 3600 === 0) return `${secs / 3600} h`;
  return secs % 60 === 0 && secs > 60 ? `${secs / 60} min` : `${Math.round(secs)} s`;
}

function aligned(row: readonly string[], widths: readonly number[]): string {
  return row
    .map((text, i) =>
      i === 2 ? text.padStart(widths[i]!) : i === row.length - 1 ? text : text.padEnd(widths[i]!),
    )
    .join('  ');
}

function cut(line: string, columns: number): string {
  return line.length <= columns ? line : `${line.slice(0, Math.max(0, columns - 1))}~`;
}
