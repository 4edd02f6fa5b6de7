/**
 * A stored flow's JSON text taken apart into what the index keeps of it: words, which many flows share, and numbers. By
 * the places of its fields, which serialize-flow.ts writes in one order and whose quotes no text within can hold: a
 * tenth of what reading the JSON costs. A text of another shape gives nothing, and its flow stays out of the index.
 */

/** What stands in a row of the index beside its times. Absent words are '', absent ports -1. */
export interface FlowParts {
  /** `"network":{...},"interface":"..."`, the inside of an object. */
  net: string;
  /** An end without its address and its port: what stands behind them, `"mac":...}` with a comma before it. */
  orig: string;
  resp: string;
  /** The inside of an object: protocol, service, portHint, connState, direction, coverage, nat but for its client. */
  facts: string;
  /** The inside of an object. */
  serverName: string;
  /** Of an address translation: an end behind `{"ip":"`, without its port. */
  client: string;
  origPort: number;
  respPort: number;
  origBytes: number;
  respBytes: number;
  origPackets: number;
  respPackets: number;
}

export function noParts(): FlowParts {
  return {
    net: '',
    orig: '',
    resp: '',
    facts: '',
    serverName: '',
    client: '',
    origPort: -1,
    respPort: -1,
    origBytes: 0,
    respBytes: 0,
    origPackets: 0,
    respPackets: 0,
  };
}

/** A flow that still goes on is written again: its row will be replaced. */
export function goesOn(text: string): boolean {
  return text.endsWith('"active"}') || text.endsWith('"answered"}') || text.endsWith('"start"}');
}

/** Fills `parts`; false: the text has another shape. */
export function takeApart(text: string, origIp: string, respIp: string, parts: FlowParts): boolean {
  const interfaceAt = text.indexOf('"interface":"');
  const origAt = text.indexOf(',"orig":{"ip":"', interfaceAt);
  const respAt = text.indexOf(',"resp":{"ip":"', origAt);
  const protocolAt = text.indexOf(',"protocol":"', respAt);
  const countsAt = text.indexOf(',"origBytes":', protocolAt);
  if (interfaceAt < 0 || origAt < 0 || respAt < 0 || protocolAt < 0 || countsAt < 0) return false;

  const networkAt = text.lastIndexOf('"network":{', interfaceAt);
  parts.net = text.slice(networkAt < 0 ? interfaceAt : networkAt, origAt);
  parts.orig = endRest(text, origAt, origIp, respAt);
  parts.origPort = port;
  parts.resp = endRest(text, respAt, respIp, protocolAt);
  parts.respPort = port;

  let at = numberAfter(text, countsAt + ',"origBytes":'.length);
  parts.origBytes = number;
  at = numberAfter(text, at + ',"respBytes":'.length);
  parts.respBytes = number;
  at = numberAfter(text, at + ',"origPackets":'.length);
  parts.origPackets = number;
  at = numberAfter(text, at + ',"respPackets":'.length);
  parts.respPackets = number;

  const historyAt = text.indexOf(',"history":"', at);
  const directionAt = text.indexOf(',"direction":"', historyAt);
  const coverageAt = text.indexOf(',"coverage":"', directionAt);
  if (historyAt < 0 || directionAt < 0 || coverageAt < 0) return false;
  const coverageEnd = text.indexOf('"', coverageAt + ',"coverage":"'.length) + 1;

  const natAt = before(text.indexOf(',"nat":{', protocolAt), countsAt);
  const serverNameAt = before(text.indexOf(',"serverName":"', protocolAt), natAt);
  parts.serverName = serverNameAt === natAt ? '' : text.slice(serverNameAt + 1, natAt);
  parts.client = '';
  const facts =
    text.slice(protocolAt + 1, serverNameAt) +
    text.slice(at, historyAt) +
    text.slice(directionAt, coverageEnd);
  parts.facts = natAt === countsAt ? facts : `${facts},"nat":${takeNatApart(text, natAt, countsAt, parts)}`;
  return true;
}

// Handed back beside a value: an object for each would be most of the work.
let port = -1;
let number = 0;

/** `,"mac":...}`. */
function endRest(text: string, at: number, ip: string, end: number): string {
  const ipEnd = at + ',"orig":{"ip":"'.length + ip.length;
  port = -1;
  if (!text.startsWith('","port":', ipEnd)) return text.slice(ipEnd + 1, end);
  const portEnd = numberAfter(text, ipEnd + '","port":'.length);
  port = number;
  return text.slice(portEnd, end);
}

/** The digits from `at`; returns where they end. */
function numberAfter(text: string, at: number): number {
  let value = 0;
  let i = at;
  for (; ; i++) {
    const digit = text.charCodeAt(i) - 48;
    // NaN behind the end.
    if (!(digit >= 0 && digit <= 9)) break;
    value = value * 10 + digit;
  }
  number = value;
  return i;
}

function before(at: number, end: number): number {
  return at < 0 || at > end ? end : at;
}

interface Nat {
  readonly kind?: string;
  readonly published?: unknown;
  readonly client?: { readonly ip: string; readonly port?: number };
}

/** What the fields of the language read of a translation. Most are masquerading, of which that is the kind alone. */
function takeNatApart(text: string, natAt: number, end: number, parts: FlowParts): string {
  const objectAt = natAt + ',"nat":'.length;
  const clientAt = before(text.indexOf(',"client":{', objectAt), end);
  const publishedAt = before(text.indexOf(',"published":{', objectAt), end);
  if (clientAt === end && publishedAt === end) {
    const kindAt = objectAt + '{"kind":"'.length;
    return `${text.slice(objectAt, text.indexOf('"', kindAt) + 1)}}`;
  }
  const { kind, published, client } = JSON.parse(text.slice(objectAt, end)) as Nat;
  if (client !== undefined) {
    const { ip, port: _, ...rest } = client;
    parts.client = JSON.stringify({ ip, ...rest }).slice('{"ip":"'.length);
  }
  return JSON.stringify({ kind, published });
}
