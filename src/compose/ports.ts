/** `ports:` in both forms, every port of a range by itself. */
import { formatIp, parseIp } from '../model/ip.ts';
import { MAX_PORTS } from './limits.ts';
import type { ComposePort } from './model.ts';
import { invalid, type Place, tooLarge } from './problem.ts';
import { type Item, kindText, textOf } from './tree.ts';
import { itemsAt, portNumber, textAt } from './values.ts';

type Range = readonly [first: number, last: number];

/** The later one of two that are the same counts, which is the same: Compose tells them apart by all that is here. */
export function readPorts(service: Item): ComposePort[] {
  const ports = new Map<string, ComposePort>();
  for (const item of itemsAt(service, 'ports')) {
    for (const port of item.kind === 'dict' ? longForm(item) : shortForm(item)) {
      const { hostIp = '', hostPort, containerPort, protocol } = port;
      ports.set(`${hostIp} ${hostPort} ${containerPort} ${protocol}`, port);
    }
    if (ports.size > MAX_PORTS) throw tooLarge(`more than ${MAX_PORTS} ports`, item.place);
  }
  return [...ports.values()];
}

/** `expose:`, as the engine writes it: `80/tcp`. */
export function readExposed(service: Item): string[] {
  const exposed = itemsAt(service, 'expose').flatMap((item) => {
    const [text = '', protocol = 'tcp'] = (textOf(item) ?? '').split('/');
    const [first, last] = rangeOf(text, item.place);
    return Array.from({ length: last - first + 1 }, (_, i) => `${first + i}/${protocol.toLowerCase()}`);
  });
  return [...new Set(exposed)];
}

/** `[[IP:][HOST]:]CONTAINER[/PROTOCOL]`, an IPv6 address in brackets. */
function shortForm(item: Item): ComposePort[] {
  const { place } = item;
  const text = textOf(item);
  if (text === undefined) throw invalid(`a port is a text or a mapping, not ${kindText(item)}`, place);
  // All of it came of a variable that is not set.
  if (text === '') return [];
  const [, where = '', protocol = 'tcp'] = /^([^/]*)(?:\/(.*))?$/.exec(text) ?? [];
  const match = /^(?:(?:\[([^\]]*)\]|([^:]*)):)?(?:([^:]*):)?([^:]+)$/.exec(where);
  if (match === null) {
    throw invalid('no port as Compose writes one: [[IP:][HOST]:]CONTAINER[/PROTOCOL]', place);
  }
  const [, bracketed, first, second, container = ''] = match;
  // With two parts the first is the host's port, with three the address.
  const ip = bracketed ?? (second === undefined ? undefined : first);
  const host = second ?? (bracketed === undefined ? first : undefined);
  return ports({ ip, host, container, protocol, place });
}

function longForm(item: Item): ComposePort[] {
  const { place } = item;
  const container = textAt(item, 'target');
  if (container === undefined) throw invalid('a port needs its target', place);
  return ports({
    ...{ ip: textAt(item, 'host_ip'), host: textAt(item, 'published'), container },
    ...{ protocol: textAt(item, 'protocol') ?? 'tcp', place },
  });
}

interface PortText {
  readonly ip: string | undefined;
  readonly host: string | undefined;
  readonly container: string;
  readonly protocol: string;
  readonly place: Place;
}

function ports({ ip, host, container, protocol: named, place }: PortText): ComposePort[] {
  const words = ip === undefined || ip === '' ? undefined : parseIp(ip);
  if (ip !== undefined && ip !== '' && words === undefined) throw invalid('no address of the host', place);
  const protocol = named.toLowerCase();
  if (!/^(?:tcp|udp|sctp)$/.test(protocol)) throw invalid('the protocol is tcp, udp or sctp', place);
  const [first, last] = rangeOf(container, place);
  const chosen = hostRange(host, [first, last], place);
  return Array.from({ length: last - first + 1 }, (_, i) => ({
    ...(words === undefined ? {} : { hostIp: formatIp(...words) }),
    ...{ hostPort: chosen === undefined ? 0 : chosen[0] + i, containerPort: first + i, protocol },
  }));
}

/** Undefined where the engine chooses: no port, 0, or a range for one port of the container. */
function hostRange(host: string | undefined, [first, last]: Range, place: Place): Range | undefined {
  if (host === undefined || host === '' || host === '0') return undefined;
  const range = rangeOf(host, place);
  if (range[1] - range[0] === last - first) return range;
  if (first === last) return undefined;
  throw invalid('as many ports of the host as of the container, or one of the container', place);
}

function rangeOf(text: string, place: Place): Range {
  const [from = '', to = from, more] = text.split('-');
  const range: Range = [portNumber(from, place), portNumber(to, place)];
  if (more !== undefined || range[1] < range[0]) throw invalid('a range of ports is FIRST-LAST', place);
  return range;
}
