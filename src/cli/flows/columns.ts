/** Flows as a table, from the database and from a file alike. */
import { shortNetworkName, workloadLabel } from '../../model/network.ts';
import type { PublicEndpoint, PublicFlow } from '../../model/serialize.ts';
import { type Column, clockText, formatBytes, renderTable } from '../lib/output.ts';

/** Narrower than that, who is meant cannot be told any more; then lines may be too long. */
const LEAST_FLOW_WIDTH = 24;
const GAP_WIDTH = 2;

export const FLOW_COLUMNS: readonly Column<PublicFlow>[] = [
  { title: 'STARTED', cell: (flow) => clockText(flow.start), streamWidth: 20 },
  {
    title: 'NETWORK',
    cell: (flow) => flow.network?.name ?? flow.interface,
    maxWidth: 24,
    streamWidth: 16,
  },
  { title: 'FLOW', cell: (flow) => flowText(flow, true), maxWidth: 200, streamWidth: 56 },
  { title: 'PROTO', cell: (flow) => flow.protocol, streamWidth: 5 },
  { title: 'SERVICE', cell: serviceText, maxWidth: 24, streamWidth: 10 },
  { title: 'STATE', cell: (flow) => flow.connState, streamWidth: 6 },
  { title: 'SENT', cell: (flow) => formatBytes(flow.origBytes), right: true, streamWidth: 10 },
  { title: 'RECEIVED', cell: (flow) => formatBytes(flow.respBytes), right: true, streamWidth: 10 },
  { title: 'DIRECTION', cell: (flow) => flow.direction },
];

/**
 * Everything where it fits, and where the width is unknown (a pipe, a file): scripts and people's greps want the whole.
 */
export function flowTable(flows: readonly PublicFlow[], terminalColumns: number | undefined): string {
  const whole = renderTable(flows, FLOW_COLUMNS);
  if (terminalColumns === undefined || widthOf(whole) <= terminalColumns) return whole;
  return renderTable(flows, narrowColumns(flows, terminalColumns));
}

function widthOf(table: string): number {
  return table.split('\n').reduce((widest, line) => Math.max(widest, line.length), 0);
}

/** What fits beside each other: the day only where it differs, both directions in one sum. */
function narrowColumns(flows: readonly PublicFlow[], terminalColumns: number): readonly Column<PublicFlow>[] {
  const isOneDay = new Set(flows.map(({ start }) => start.slice(0, 10))).size === 1;
  const from = isOneDay ? '2026-11-23 '.length : '2026-'.length;
  const started: Column<PublicFlow> = { title: 'STARTED', cell: ({ start }) => clockText(start).slice(from) };
  const others: Column<PublicFlow>[] = [
    { title: 'SERVICE', cell: serviceText, maxWidth: 11 },
    { title: 'BYTES', cell: ({ origBytes, respBytes }) => formatBytes(origBytes + respBytes), right: true },
    { title: 'STATE', cell: ({ connState }) => connState },
  ];
  const rest = widthOf(renderTable(flows, [started, ...others])) + GAP_WIDTH;
  const width = Math.max(LEAST_FLOW_WIDTH, terminalColumns - rest);
  return [
    started,
    { title: 'FLOW', cell: (flow) => flowText(flow, false, width), maxWidth: width },
    ...others,
  ];
}

/** `shop/api@front -> shop/db@data:5432`; of what is too long, the names are cut and the port stays. */
function flowText(flow: PublicFlow, isLong: boolean, width = Number.POSITIVE_INFINITY): string {
  const { orig, resp, nat } = flow;
  const port = resp.port === undefined ? '' : `:${resp.port}`;
  // The long form has a column for it.
  const protocol = isLong || flow.protocol === 'tcp' ? '' : `${port === '' ? ' ' : '/'}${flow.protocol}`;
  const from = `${endText(nat?.client ?? orig, flow, isLong)}${natText(flow, isLong)}`;
  const to = endText(resp, flow, isLong, port !== '');
  const room = width - ` -> ${port}${protocol}`.length;
  const half = Math.floor(room / 2);
  const fromRoom = Math.max(half, room - to.length);
  return `${cut(from, fromRoom)} -> ${cut(to, room - Math.min(from.length, fromRoom))}${port}${protocol}`;
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}~`;
}

/**
 * That the client stands behind a translation, and what it asked for. Nothing for masquerading: that the host lends its
 * address to what leaves is the usual thing.
 */
function natText({ nat }: PublicFlow, isLong: boolean): string {
  if (nat === undefined || nat.kind === 'masquerade') return '';
  const { kind, published, client } = nat;
  const isOriginUnknown = kind === 'unknown' || (kind === 'docker-proxy' && client === undefined);
  const port = published?.port === undefined ? '' : `:${published.port}`;
  if (!isLong) return isOriginUnknown ? ' via NAT?' : ` via ${port === '' ? kind : port}`;
  const asked = published === undefined ? '' : ` ${hostText(published.ip, true)}${port}`;
  const unknown = isOriginUnknown ? ', origin unknown' : '';
  return ` via ${kind === 'unknown' ? 'NAT' : kind}${asked}${unknown}`;
}

function endText(end: PublicEndpoint, flow: PublicFlow, isLong: boolean, hasPort = false): string {
  const { workload, scope, ip, attribution, names } = end;
  if (workload !== undefined) return `${workloadLabel(workload)}${networkText(end, flow)}`;
  // Several fit, and none is preferred.
  if (attribution.candidates !== undefined && attribution.candidates.length > 0) {
    return `${attribution.candidates.join('|')}?${isLong ? ` ${hostText(ip, hasPort)}` : ''}`;
  }
  const name = names[0];
  if (name === undefined) {
    // Where there is little room, a global address speaks for itself.
    return isLong || scope !== 'internet' ? `${scope} ${hostText(ip, hasPort)}` : hostText(ip, hasPort);
  }
  return isLong ? `${scope} ${name} ${hostText(ip, hasPort)}` : name;
}

/** Only where the MAC says that this end is on the network that the flow was seen on. */
function networkText({ workload, attribution }: PublicEndpoint, { network }: PublicFlow): string {
  const isHere = attribution.method === 'mac+ip' || attribution.method === 'mac';
  if (network === undefined || !isHere) return '';
  return `@${shortNetworkName(network.name, workload?.composeProject)}`;
}

/** RFC 3986 brackets, where a port follows. */
function hostText(ip: string, hasPort: boolean): string {
  return hasPort && ip.includes(':') ? `[${ip}]` : ip;
}

/** By content, else `?` and what usually listens on the port. */
function serviceText({ service, portHint }: PublicFlow): string {
  return service ?? (portHint === undefined ? '' : `?${portHint}`);
}
