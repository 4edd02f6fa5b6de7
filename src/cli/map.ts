import { escapeText } from '../model/escape.ts';
import { type Network, workloadLabel } from '../model/network.ts';
import { printableJson } from '../model/serialize.ts';
import type { ContainerState } from '../sensor/docker/inventory-event.ts';
import type { HostInterfaces } from '../sensor/host/interfaces.ts';
import { type EngineMap, mapEngine } from '../sensor/map.ts';
import { UsageError } from './lib/failure.ts';
import { type Column, printLine, renderTable } from './lib/output.ts';
import { loadSettings, type SettingsOptions } from './lib/settings.ts';

interface MapOptions extends SettingsOptions {
  readonly edges?: boolean;
  readonly watch?: boolean;
  readonly since?: string;
  readonly json?: boolean;
}

/** Of edges; shorter than flows.active_secs would leave out flows that go on. */
const DEFAULT_WINDOW = '60s';

export async function mapCommand(options: MapOptions): Promise<void> {
  const { edges = false, watch = false, since, json = false } = options;
  if (edges || watch) {
    const how = { since: since ?? DEFAULT_WINDOW, json };
    const { printEdges, watchEdges } = await import('./map/edge-view.ts');
    return (watch ? watchEdges : printEdges)(loadSettings(options), how);
  }
  if (since !== undefined) throw new UsageError('--since is for edges: give --edges or --watch with it');
  const found = await mapEngine(loadSettings(options).docker);
  if (json) for (const record of found.records()) printLine(printableJson(record));
  else printLine(mapText(found));
}

function mapText({ networks, containers, host }: EngineMap): string {
  const sorted = [...networks].sort((a, b) => a.name.localeCompare(b.name));
  const onHost = containers.filter(({ workload }) => workload.networkMode === 'host');
  const places = containers.flatMap(placesOf(networks));
  return [
    renderTable(sorted, networkColumns(host, places)),
    '',
    places.length === 0 ? 'No container is on any network.' : renderTable(places, PLACE_COLUMNS),
    ...(onHost.length === 0
      ? []
      : [
          '',
          `On the host's own network: ${onHost.map(({ workload }) => escapeText(workloadLabel(workload))).join(', ')}`,
        ]),
  ].join('\n');
}

interface Place {
  readonly network: Network;
  readonly container: ContainerState;
  readonly ips: readonly string[];
  readonly mac: string;
}

const placesOf =
  (networks: readonly Network[]) =>
  (container: ContainerState): Place[] =>
    container.endpoints.flatMap(({ networkId, ips, mac }) => {
      const network = networks.find(({ id }) => id === networkId);
      return network === undefined ? [] : [{ network, container, ips, mac: mac ?? '' }];
    });

function networkColumns(host: HostInterfaces, places: readonly Place[]): Column<Network>[] {
  return [
    { title: 'NETWORK', cell: ({ name }) => name, maxWidth: 40 },
    { title: 'DRIVER', cell: ({ driver }) => driver },
    { title: 'BRIDGE', cell: ({ bridge }) => bridgeText(bridge, host) },
    { title: 'INTERNAL', cell: ({ internal }) => (internal ? 'yes' : '') },
    { title: 'SUBNETS', cell: ({ subnets }) => subnets.join(' ') },
    { title: 'GATEWAYS', cell: ({ gateways }) => gateways.join(' ') },
    {
      title: 'CONTAINERS',
      right: true,
      cell: ({ id }) => String(places.filter(({ network }) => network.id === id).length),
    },
  ];
}

/** The name follows from the engine's description; whether the interface is there only the kernel knows. */
function bridgeText(bridge: string | undefined, host: HostInterfaces): string {
  if (bridge === undefined) return '';
  return host.names.includes(bridge) ? bridge : `${bridge} (not here)`;
}

const PLACE_COLUMNS: readonly Column<Place>[] = [
  { title: 'CONTAINER', cell: ({ container }) => container.workload.name, maxWidth: 40 },
  { title: 'SERVICE', cell: ({ container }) => workloadLabel(container.workload), maxWidth: 40 },
  { title: 'NETWORK', cell: ({ network }) => network.name, maxWidth: 40 },
  { title: 'ADDRESSES', cell: ({ ips }) => ips.join(' ') },
  { title: 'MAC', cell: ({ mac }) => mac },
  { title: 'IMAGE', cell: ({ container }) => container.workload.image, maxWidth: 50 },
];
