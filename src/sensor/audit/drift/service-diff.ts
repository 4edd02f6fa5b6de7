/** What differs between a service and the one of its name, field by field. */
import { gravest, type Severity } from '../../../model/finding.ts';
import type { HostState, PortState, ServiceState } from '../../../model/host-state.ts';
import {
  isOnAnyAddress,
  isOnLoopback,
  portText,
  sensitiveService,
  sensitiveSeverity,
} from '../lib/published-ports.ts';
import { listed } from '../lib/verdicts.ts';
import type { Difference } from './network-diff.ts';

/** Each leads to the host by itself. */
const HOST_CAPABILITIES: ReadonlySet<string> = new Set(
  'ALL SYS_ADMIN SYS_MODULE SYS_PTRACE SYS_RAWIO DAC_READ_SEARCH BPF'.split(' '),
);

export function serviceDifferences(
  was: ServiceState,
  is: ServiceState,
  before: HostState,
  after: HostState,
): Difference[] {
  return [
    ...privileged(was, is),
    ...sockets(was, is),
    ...ports(was, is),
    ...networkMode(was, is),
    ...networks(was, is, before, after),
    ...capAdd(was, is),
    ...capDrop(was, is),
    ...pidMode(was, is),
    ...sysctls(was, is),
  ];
}

function privileged(was: ServiceState, is: ServiceState): Difference[] {
  if (was.isPrivileged === is.isPrivileged) return [];
  return [
    {
      field: 'isPrivileged',
      before: was.isPrivileged,
      after: is.isPrivileged,
      sentence: `${is.name} is ${is.isPrivileged ? '' : 'not '}privileged.`,
      severity: is.isPrivileged ? 'high' : 'informational',
    },
  ];
}

function sockets(was: ServiceState, is: ServiceState): Difference[] {
  return lists('sockets', was.sockets, is.sockets, {
    come: (which) => [`${is.name} has ${listed(which)} of the host mounted.`, 'high'],
    gone: (which) => [`${is.name} has ${listed(which)} of the host not mounted.`, 'informational'],
  });
}

function ports(was: ServiceState, is: ServiceState): Difference[] {
  const byLine = new Map(is.ports.map((port) => [portText(port), port]));
  return lists('ports', was.ports.map(portText), [...byLine.keys()], {
    come: (which) => [
      `${is.name} publishes ${listed(which)}.`,
      gravest(which.map((line) => portSeverity(byLine.get(line)!))),
    ],
    gone: (which) => [`${is.name} does not publish ${listed(which)}.`, 'informational'],
  });
}

/** As published-sensitive-port has it; another port medium, since nobody looked at who may reach it. */
function portSeverity(port: PortState): Severity {
  if (isOnLoopback(port)) return 'low';
  const service = sensitiveService(port);
  if (service !== undefined) return sensitiveSeverity(service.kind, port);
  return isOnAnyAddress(port) ? 'medium' : 'low';
}

/** Between networks it is not this that tells, but on which it is: Compose takes any of them for the mode. */
function networkMode(was: ServiceState, is: ServiceState): Difference[] {
  const [before, after] = [ownMode(was), ownMode(is)];
  if (before === after) return [];
  const sentences: readonly [string, Severity] =
    after === 'host'
      ? [`${is.name} is on the host's own network.`, 'medium']
      : after.startsWith('container:')
        ? [`${is.name} shares the network of ${after.slice('container:'.length)}.`, 'low']
        : [`${is.name} has a network namespace of its own.`, 'informational'];
  const [sentence, severity] = sentences;
  return [{ field: 'networkMode', before: was.networkMode, after: is.networkMode, sentence, severity }];
}

function ownMode({ networkMode: mode }: ServiceState): string {
  return mode === 'host' || mode.startsWith('container:') ? mode : 'own';
}

/** Who was on internal networks only and now is on another has led the way out of them. */
function networks(was: ServiceState, is: ServiceState, before: HostState, after: HostState): Difference[] {
  const isInternal = (state: HostState, name: string) =>
    state.networks.find((network) => network.name === name)?.isInternal === true;
  const wasKeptIn = was.networks.length > 0 && was.networks.every((name) => isInternal(before, name));
  return lists('networks', was.networks, is.networks, {
    come: (which) => {
      const ways = wasKeptIn ? which.filter((name) => !isInternal(after, name)) : [];
      return ways.length > 0
        ? [
            `${is.name} is on ${listed(which)}, and ${listed(ways)} leads out of its internal networks.`,
            'high',
          ]
        : [`${is.name} is on ${listed(which)}.`, 'medium'];
    },
    gone: (which) => [`${is.name} is not on ${listed(which)}.`, 'informational'],
  });
}

function capAdd(was: ServiceState, is: ServiceState): Difference[] {
  return lists('capAdd', was.capAdd, is.capAdd, {
    come: (which) => [
      `${is.name} has ${listed(which)}.`,
      which.some((name) => HOST_CAPABILITIES.has(name))
        ? 'high'
        : which.includes('NET_ADMIN')
          ? 'medium'
          : 'low',
    ],
    gone: (which) => [`${is.name} does not add ${listed(which)}.`, 'informational'],
  });
}

/** Here more is less. */
function capDrop(was: ServiceState, is: ServiceState): Difference[] {
  return lists('capDrop', was.capDrop, is.capDrop, {
    come: (which) => [`${is.name} drops ${listed(which)}.`, 'informational'],
    gone: (which) => [`${is.name} does not drop ${listed(which)}.`, 'low'],
  });
}

function pidMode(was: ServiceState, is: ServiceState): Difference[] {
  const [before, after] = [was.pidMode, is.pidMode];
  if (before === after) return [];
  return [
    {
      field: 'pidMode',
      ...(before === undefined ? {} : { before }),
      ...(after === undefined ? {} : { after }),
      sentence: `${is.name} sees ${processesOf(after)}.`,
      severity: after === undefined ? 'informational' : after === 'host' ? 'medium' : 'low',
    },
  ];
}

function processesOf(pidMode: string | undefined): string {
  if (pidMode === undefined) return 'only processes of its own';
  return pidMode === 'host'
    ? "the host's processes"
    : `the processes of ${pidMode.replace(/^container:/, '')}`;
}

/** Whether one opens or shuts, network-sysctls knows: either way somebody has turned it. */
function sysctls(was: ServiceState, is: ServiceState): Difference[] {
  const lines = ({ sysctls }: ServiceState) =>
    Object.entries(sysctls).map(([name, value]) => `${name}=${value}`);
  return lists('sysctls', lines(was), lines(is), {
    come: (which) => [`${is.name} has ${listed(which)}.`, 'low'],
    gone: (which) => [`${is.name} does not have ${listed(which)}.`, 'low'],
  });
}

type Words = (which: readonly string[]) => readonly [sentence: string, severity: Severity];

/** One difference for what came and went together: a port that moved is one change, told by what is there now. */
function lists(
  field: Difference['field'],
  before: readonly string[],
  after: readonly string[],
  words: { readonly come: Words; readonly gone: Words },
): Difference[] {
  const come = after.filter((each) => !before.includes(each));
  const gone = before.filter((each) => !after.includes(each));
  if (come.length === 0 && gone.length === 0) return [];
  const told = [
    ...(come.length > 0 ? [words.come(come)] : []),
    ...(gone.length > 0 ? [words.gone(gone)] : []),
  ];
  return [
    {
      field,
      before,
      after,
      sentence: told.map(([sentence]) => sentence).join(' '),
      severity: gravest(told.map(([, severity]) => severity)),
    },
  ];
}
