/** What differs between a network and the one of its name, field by field. */
import type { Severity } from '../../../model/finding.ts';
import type { DriftChange } from '../../../model/host-drift.ts';
import type { NetworkState } from '../../../model/host-state.ts';
import { listed } from '../lib/verdicts.ts';
import { isOfEnginesShape } from './subnets.ts';

export type Difference = Omit<DriftChange, 'kind' | 'name'>;

const BRIDGE = 'com.docker.network.bridge.';

export function networkDifferences(was: NetworkState, is: NetworkState): Difference[] {
  const { name } = is;
  return [
    ...flag(was, is, 'isInternal', {
      on: [`${name} is internal.`, 'informational'],
      off: [`${name} is not internal: its members reach beyond it.`, 'high'],
    }),
    ...driver(was, is),
    ...flag(was, is, 'isAttachable', {
      on: [`${name} is attachable: any container may join it.`, 'low'],
      off: [`${name} is not attachable.`, 'informational'],
    }),
    ...flag(was, is, 'hasIpv6', {
      on: [`${name} has IPv6.`, 'low'],
      off: [`${name} has no IPv6.`, 'informational'],
    }),
    ...subnets(was, is),
    ...options(was, is),
  ];
}

function flag(
  was: NetworkState,
  is: NetworkState,
  field: 'isInternal' | 'isAttachable' | 'hasIpv6',
  words: Readonly<Record<'on' | 'off', readonly [sentence: string, severity: Severity]>>,
): Difference[] {
  if (was[field] === is[field]) return [];
  const [sentence, severity] = is[field] ? words.on : words.off;
  return [{ field, before: was[field], after: is[field], sentence, severity }];
}

/** On macvlan and ipvlan its members are on the LAN, past the host's firewall. */
function driver(was: NetworkState, is: NetworkState): Difference[] {
  if (was.driver === is.driver) return [];
  const isOnLan = is.driver === 'macvlan' || is.driver === 'ipvlan';
  return [
    {
      field: 'driver',
      before: was.driver,
      after: is.driver,
      sentence: `${is.name} has the driver ${is.driver}${isOnLan ? ': its members are on the LAN' : ''}.`,
      severity: isOnLan ? 'medium' : 'low',
    },
  ];
}

/** One that was asked for and looks like the engine's own may be there still: who told of `is` cannot tell them apart. */
function subnets(was: NetworkState, is: NetworkState): Difference[] {
  const gone = was.subnets.filter(
    (subnet) => !is.subnets.includes(subnet) && !isOfEnginesShape(is.driver, subnet),
  );
  const come = is.subnets.filter((subnet) => !was.subnets.includes(subnet));
  if (gone.length === 0 && come.length === 0) return [];
  return [
    {
      field: 'subnets',
      before: was.subnets,
      after: is.subnets,
      severity: 'low',
      sentence:
        is.subnets.length === 0
          ? `${is.name} has a subnet that the engine chose.`
          : `${is.name} has ${listed(is.subnets)}.`,
    },
  ];
}

function options(was: NetworkState, is: NetworkState): Difference[] {
  // Names are anybody's words, `constructor` too.
  const [old, now] = [new Map(Object.entries(was.options)), new Map(Object.entries(is.options))];
  return [...new Set([...old.keys(), ...now.keys()])].sort().flatMap((option): Difference[] => {
    const [before, after] = [old.get(option), now.get(option)];
    if (before === after) return [];
    const has = after === undefined ? 'has no option' : 'has the option';
    return [
      {
        field: 'options',
        ...(before === undefined ? {} : { before: `${option}=${before}` }),
        ...(after === undefined ? {} : { after: `${option}=${after}` }),
        sentence: `${is.name} ${has} ${option}${after === undefined || after === '' ? '' : `=${after}`}.`,
        severity: optionSeverity(option, after),
      },
    ];
  });
}

/** As grave as the check is that is about it: overlay-encryption, gateway-mode, default-bridge-icc. */
function optionSeverity(option: string, after: string | undefined): Severity {
  if (option === 'encrypted') return after === undefined ? 'high' : 'informational';
  if (option.startsWith(`${BRIDGE}gateway_mode_`)) {
    if (after === 'nat-unprotected') return 'high';
    return after === 'routed' ? 'medium' : 'informational';
  }
  if (option === `${BRIDGE}enable_icc`) return after === 'false' ? 'informational' : 'medium';
  return 'low';
}
