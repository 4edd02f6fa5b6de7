/** Flows as a table, from the database and from a file alike. */
import { workloadLabel } from '../model/network.ts';
import type { PublicEndpoint, PublicFlow } from '../model/serialize.ts';
import { type Column, clockText, formatBytes } from './output.ts';

export const FLOW_COLUMNS: readonly Column<PublicFlow>[] = [
  { title: 'STARTED', cell: (flow) => clockText(flow.start), streamWidth: 20 },
  {
    title: 'NETWORK',
    cell: (flow) => flow.network?.name ?? flow.interface,
    maxWidth: 24,
    streamWidth: 16,
  },
  { title: 'FROM', cell: (flow) => who(flow.orig), maxWidth: 60, streamWidth: 28 },
  { title: 'TO', cell: (flow) => who(flow.resp), maxWidth: 60, streamWidth: 28 },
  { title: 'PORT', cell: (flow) => flow.resp.port?.toString() ?? '', right: true, streamWidth: 5 },
  { title: 'PROTO', cell: (flow) => flow.protocol, streamWidth: 5 },
  { title: 'STATE', cell: (flow) => flow.connState, streamWidth: 6 },
  { title: 'SENT', cell: (flow) => formatBytes(flow.origBytes), right: true, streamWidth: 10 },
  { title: 'RECEIVED', cell: (flow) => formatBytes(flow.respBytes), right: true, streamWidth: 10 },
  { title: 'DIRECTION', cell: (flow) => flow.direction },
];

function who({ workload, scope, ip }: PublicEndpoint): string {
  return `${workload === undefined ? scope : workloadLabel(workload)} ${ip}`;
}
