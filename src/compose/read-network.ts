/** A merged network as the engine is asked for it. */
import { formatCidr, formatIp, parseCidr, parseIp } from '../model/ip.ts';
import { nearest } from '../model/nearest.ts';
import type { ComposeNetwork, Unset } from './model.ts';
import { invalid, type Place, type Remark } from './problem.ts';
import { type Item, unsetIn } from './tree.ts';
import { attribute, dictAt, flagAt, itemsAt, pairsAt, textAt } from './values.ts';

/** `declared`: undefined for the default network that no file speaks of. */
export function readNetwork(
  key: string,
  declared: { readonly at: Place; readonly value: Item } | undefined,
  project: string,
  remark: (remark: Remark) => void,
): ComposeNetwork {
  const network = declared?.value;
  if (
    network !== undefined &&
    network.kind !== 'dict' &&
    !(network.kind === 'scalar' && network.value === null)
  ) {
    throw invalid(`the network ${key} ought to be a mapping`, network.place);
  }
  // Of a variable that is not set nothing is left.
  const named = textAt(network, 'name') || undefined;
  const external = readExternal(network);
  const name = named ?? external.name ?? (external.isExternal ? key : `${project}_${key}`);
  const driver = textAt(network, 'driver');
  const ipam = dictAt(network, 'ipam');
  const config = itemsAt(ipam, 'config');
  const subnets = config.flatMap((each) => subnetOf(each) ?? []);
  remarkUnknown(key, network, remark);
  return {
    ...{ key, name, isExternal: external.isExternal },
    ...(declared === undefined ? {} : { at: declared.at }),
    driver: driver === undefined || driver === '' || driver === 'default' ? 'bridge' : driver,
    options: pairsAt(network, 'driver_opts'),
    isInternal: flagAt(network, 'internal') === true,
    isAttachable: flagAt(network, 'attachable') === true,
    hasIpv6: flagAt(network, 'enable_ipv6') === true || subnets.some((subnet) => subnet.includes(':')),
    subnets,
    gateways: config.flatMap((each) => gatewayOf(each) ?? []),
    labels: pairsAt(network, 'labels'),
    unset: unsetOf(network),
  };
}

/** `external: true`, or as before 2018 with a name in it. */
function readExternal(network: Item | undefined): { readonly isExternal: boolean; readonly name?: string } {
  const external = attribute(network, 'external');
  if (external?.kind !== 'dict') return { isExternal: flagAt(network, 'external') === true };
  const name = textAt(external, 'name');
  return { isExternal: true, ...(name === undefined ? {} : { name }) };
}

function subnetOf(config: Item): string | undefined {
  const text = textAt(config, 'subnet');
  if (text === undefined || text === '') return undefined;
  const cidr = parseCidr(text);
  if (cidr === undefined)
    throw invalid('subnet ought to be ADDRESS/BITS', attribute(config, 'subnet')!.place);
  return formatCidr(cidr);
}

function gatewayOf(config: Item): string | undefined {
  const words = parseIp(textAt(config, 'gateway') ?? '');
  return words === undefined ? undefined : formatIp(...words);
}

function unsetOf(network: Item | undefined): Unset {
  const of = (name: string) => unsetIn(attribute(network, name));
  const all: Unset = {
    name: of('name'),
    driver: of('driver'),
    isInternal: of('internal'),
    isAttachable: of('attachable'),
    hasIpv6: [...of('enable_ipv6'), ...of('ipam')],
    subnets: of('ipam'),
    options: of('driver_opts'),
  };
  return Object.fromEntries(Object.entries(all).filter(([, names]) => names.length > 0));
}

function remarkUnknown(key: string, network: Item | undefined, remark: (remark: Remark) => void): void {
  if (network?.kind !== 'dict') return;
  for (const [attributeName, { at }] of network.entries) {
    if (KNOWN.has(attributeName) || attributeName.startsWith('x-')) continue;
    const meant = nearest(attributeName, [...KNOWN]);
    remark({
      text: `the network ${key} has ${JSON.stringify(attributeName)}, which Compose does not know${meant === undefined ? '' : `; did you mean ${meant}?`}`,
      place: at,
    });
  }
}

/** Compose Specification 06-networks. */
const KNOWN: ReadonlySet<string> = new Set(
  'attachable driver driver_opts enable_ipv4 enable_ipv6 external internal ipam labels name'.split(' '),
);
