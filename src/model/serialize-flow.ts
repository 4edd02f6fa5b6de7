/**
 * A flow's public JSON text, the same bytes as the general way of serialize.ts writes, at a third of its cost: no copy is
 * made, a text that needs no escape is taken as it is, and what a container or a network is called is written once and
 * kept for as long as the object lives. Flows are nearly all that the channel and the store carry. A field that is added to
 * the public flow must be added here too: test/model/serialize-flow.test.ts compares the two on arbitrary records.
 */
import type { Attribution, Endpoint, GeoFacts } from './endpoint.ts';
import type { FlowRecord } from './flow.ts';
import type { NatAddress, NatFact } from './nat.ts';
import { type Network, SHORT_ID_LENGTH, type Workload } from './network.ts';
import { printableJson } from './printable-json.ts';
import { formatMicros, type Micros } from './time.ts';

/** All of it may stand between quotes as it is: printable ASCII but for the quote and the backslash. */
const PLAIN = /^[ !#-[\]-~]*$/;

export function serializeFlow(flow: FlowRecord): string {
  const { network, nat, icmp } = flow;
  let text = `{"kind":"flow","uid":${quoted(flow.uid)}${field('communityId', flow.communityId)}`;
  text += `,"start":"${instant(flow.start)}","end":"${instant(flow.end)}"`;
  if (network !== undefined) text += `,"network":${networkText(network)}`;
  text += `,"interface":${quoted(flow.interface)}`;
  text += `,"orig":${endpointText(flow.orig)},"resp":${endpointText(flow.resp)}`;
  text += `,"protocol":${quoted(flow.protocol)}${field('service', flow.service)}${field('portHint', flow.portHint)}`;
  text += field('serverName', flow.serverName) + field('serverNameFrom', flow.serverNameFrom);
  if (nat !== undefined) text += `,"nat":${natText(nat)}`;
  text += `,"origBytes":${flow.origBytes},"respBytes":${flow.respBytes}`;
  text += `,"origPackets":${flow.origPackets},"respPackets":${flow.respPackets}`;
  text += `,"connState":"${flow.connState}","history":${quoted(flow.history)}`;
  text += `,"direction":"${flow.direction}","coverage":"${flow.coverage}"`;
  if (icmp !== undefined) text += `,"icmp":{"type":${icmp.type},"code":${icmp.code}}`;
  return `${text}${field('probe', flow.probe)},"reason":"${flow.reason}"}`;
}

function endpointText(endpoint: Endpoint): string {
  const { workload, geo } = endpoint;
  let text = `{"ip":${quoted(endpoint.ip)}${numberField('port', endpoint.port)}${field('mac', endpoint.mac)}`;
  text += `,"scope":"${endpoint.scope}"`;
  if (workload !== undefined) text += `,"workload":${workloadText(workload)}`;
  text += `,"names":${list(endpoint.names)}`;
  if (geo !== undefined) text += `,"geo":${geoText(geo)}`;
  return `${text},"attribution":${attributionText(endpoint.attribution)}}`;
}

function attributionText({ method, confidence, reason, candidates }: Attribution): string {
  let text = `{"method":"${method}","confidence":"${confidence}"${field('reason', reason)}`;
  if (candidates !== undefined) text += `,"candidates":${list(candidates)}`;
  return `${text}}`;
}

/** The first field has no comma before it, whichever that is. */
function geoText({ country, asn, asOrganization }: GeoFacts): string {
  const fields =
    field('country', country) + numberField('asn', asn) + field('asOrganization', asOrganization);
  return `{${fields.slice(1)}}`;
}

function natText(nat: NatFact): string {
  const { client, server, candidates, published, translatedSource } = nat;
  let text = `{"kind":"${nat.kind}","method":"${nat.method}","confidence":"${nat.confidence}"`;
  text += field('reason', nat.reason);
  if (client !== undefined) text += `,"client":${endpointText(client)}`;
  if (server !== undefined) text += `,"server":${endpointText(server)}`;
  if (candidates !== undefined) text += `,"candidates":${list(candidates)}`;
  if (published !== undefined) text += `,"published":${addressText(published)}`;
  if (translatedSource !== undefined) text += `,"translatedSource":${addressText(translatedSource)}`;
  return `${text}${field('originalCommunityId', nat.originalCommunityId)}}`;
}

function addressText({ ip, port }: NatAddress): string {
  return `{"ip":${quoted(ip)}${numberField('port', port)}}`;
}

// Networks and workloads are never changed, only replaced: their texts live as long as they do.
const networkTexts = new WeakMap<Network, string>();
const workloadTexts = new WeakMap<Workload, string>();

function networkText(network: Network): string {
  const known = networkTexts.get(network);
  if (known !== undefined) return known;
  const { id, name, internal } = network;
  const text = `{"id":${quoted(id.slice(0, SHORT_ID_LENGTH))},"name":${quoted(name)},"internal":${internal}}`;
  networkTexts.set(network, text);
  return text;
}

function workloadText(workload: Workload): string {
  const known = workloadTexts.get(workload);
  if (known !== undefined) return known;
  let text = `{"containerId":${quoted(workload.containerId.slice(0, SHORT_ID_LENGTH))}`;
  text += `,"name":${quoted(workload.name)},"image":${quoted(workload.image)}`;
  text += field('composeProject', workload.composeProject) + field('composeService', workload.composeService);
  text += numberField('composeNumber', workload.composeNumber);
  text += `${field('swarmService', workload.swarmService)}}`;
  workloadTexts.set(workload, text);
  return text;
}

let lastMillis = Number.NaN;
let lastMillisText = '';

/** As formatMicros; what is written together often happened in the same millisecond. */
function instant(time: Micros): string {
  const millis = Math.floor(time / 1000);
  if (millis !== lastMillis) {
    const text = formatMicros(millis * 1000);
    if (!text.endsWith('000Z')) return formatMicros(time);
    lastMillis = millis;
    lastMillisText = text.slice(0, -'000Z'.length);
  }
  return `${lastMillisText}${String(time - millis * 1000).padStart(3, '0')}Z`;
}

function quoted(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : printableJson(text);
}

function field(name: string, text: string | undefined): string {
  return text === undefined ? '' : `,"${name}":${quoted(text)}`;
}

function numberField(name: string, number: number | undefined): string {
  return number === undefined ? '' : `,"${name}":${number}`;
}

function list(texts: readonly string[]): string {
  return texts.length === 0 ? '[]' : `[${texts.map(quoted).join(',')}]`;
}
