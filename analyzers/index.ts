/** The analyzers, written out. src/sensor/agent.ts is the only reader in src. */
import type { AnalyzerDefinition } from '../src/sensor/analysis/analyzer.ts';
import adminPortAccess from './admin-port-access.ts';
import arpSpoof from './arp-spoof.ts';
import beacon from './beacon.ts';
import blockedBurst from './blocked-burst.ts';
import captureLoss from './capture-loss.ts';
import cleartextCredentials from './cleartext-credentials.ts';
import directIp from './direct-ip.ts';
import dnsBypass from './dns-bypass.ts';
import dnsInternalLeak from './dns-internal-leak.ts';
import dnsNxdomainBurst from './dns-nxdomain-burst.ts';
import dnsRebinding from './dns-rebinding.ts';
import dnsTunnel from './dns-tunnel.ts';
import dockerApiAccess from './docker-api-access.ts';
import exfilVolume from './exfil-volume.ts';
import hostServiceAccess from './host-service-access.ts';
import hostSweep from './host-sweep.ts';
import icmpTunnel from './icmp-tunnel.ts';
import internalEgress from './internal-egress.ts';
import internalIngress from './internal-ingress.ts';
import internalRelay from './internal-relay.ts';
import ipSpoof from './ip-spoof.ts';
import isolationBypass from './isolation-bypass.ts';
import metadataAccess from './metadata-access.ts';
import mining from './mining.ts';
import newEdge from './new-edge.ts';
import newListener from './new-listener.ts';
import overlayCleartext from './overlay-cleartext.ts';
import portScan from './port-scan.ts';
import publishedExposure from './published-exposure.ts';
import rogueGateway from './rogue-gateway.ts';
import threatList from './threat-list.ts';

export const analyzers: readonly AnalyzerDefinition[] = [
  adminPortAccess,
  arpSpoof,
  beacon,
  blockedBurst,
  captureLoss,
  cleartextCredentials,
  directIp,
  dnsBypass,
  dnsInternalLeak,
  dnsNxdomainBurst,
  dnsRebinding,
  dnsTunnel,
  dockerApiAccess,
  exfilVolume,
  hostServiceAccess,
  hostSweep,
  icmpTunnel,
  internalEgress,
  internalIngress,
  internalRelay,
  ipSpoof,
  isolationBypass,
  metadataAccess,
  mining,
  newEdge,
  newListener,
  overlayCleartext,
  portScan,
  publishedExposure,
  rogueGateway,
  threatList,
];
