/**
 * What to check after a finding, and what mends it, by analyzer: the short of what its page in docs/analyzers says. A
 * test holds that each analyzer stands here. Facts and no names: commands are filled in by next-steps.ts.
 */

/** `flows`, `dns`: what the agent of that host recorded. The rest are looked up on that host now. */
export type Look =
  | 'flows'
  | 'peer-flows'
  | 'dns'
  | 'zone'
  | 'who'
  | 'processes'
  | 'files'
  | 'inspect'
  | 'logs'
  | 'network'
  | 'neighbours'
  | 'firewall'
  | 'sockets'
  | 'published'
  | 'learned'
  | 'doctor';

export interface Guidance {
  readonly check: string;
  readonly looks: readonly Look[];
  readonly mend: string;
}

/** Somebody else may run code in there. */
const INTRUDER = ['processes', 'files', 'logs'] as const;

export const GUIDANCE: Readonly<Record<string, Guidance>> = {
  'admin-port-access': {
    check:
      'See whether this container has any business on that port, and whether the guessing succeeded: the log of the service there has the user names.',
    looks: ['flows', 'processes', 'logs'],
    mend: 'Change the password that was guessed at, and put only those on one network who need each other. What is meant is an exception.',
  },
  'arp-spoof': {
    check:
      'See what runs in the sender, and what its neighbours sent while they believed it: passwords in clear may have been read.',
    looks: ['processes', 'inspect', 'network', 'neighbours', 'flows'],
    mend: 'Stop it or take it off the network; drop NET_RAW from containers that need no raw sockets (cap_drop: [NET_RAW]).',
  },
  beacon: {
    check:
      'See whose the place is and which process calls it; polls, metrics and keep-alives have the same rhythm.',
    looks: ['peer-flows', 'dns', 'processes', 'files'],
    mend: 'If it belongs to nothing you run: take the container off its networks, keep its file system, and look for how they came in.',
  },
  'blocked-burst': {
    check: 'The firewall held; see who tries and what it looks for.',
    looks: ['flows', 'firewall', 'processes'],
    mend: 'Put right the configuration that still calls a peer which was moved; treat anything else as a broken-into container.',
  },
  'capture-loss': {
    check: 'Traffic was missed: treat silence about these networks and times as unknown.',
    looks: ['doctor'],
    mend: 'Raise capture.buffer_bytes, leave out bulk traffic with capture.filter, or give the agent more processor.',
  },
  'cleartext-credentials': {
    check: 'See who could listen on the way, and where else that password is used.',
    looks: ['flows', 'inspect'],
    mend: 'Change the secret, and turn on TLS for that service before using the new one.',
  },
  'direct-ip': {
    check:
      'See which process connects to the address, and where it has it from: code, configuration, or an order.',
    looks: ['peer-flows', 'dns', 'processes', 'inspect'],
    mend: 'An address out of your own configuration belongs in ignore_destinations; anything else is followed like a beacon.',
  },
  'dns-bypass': {
    check: 'See which program brings its own resolver, and whether it is meant to.',
    looks: ['flows', 'dns', 'processes', 'inspect'],
    mend: 'Let it use the prescribed resolver; close 53, 853 and known DoH addresses to the others in the firewall.',
  },
  'dns-internal-leak': {
    check:
      'Names are carried out of an internal network: see what was asked, and whether data was in the names.',
    looks: ['dns', 'zone', 'network'],
    mend: 'Update the engine (CVE-2024-29018), and let the forwarder answer for inside names only.',
  },
  'dns-nxdomain-burst': {
    check:
      'See whether the names look made up (a domain generation algorithm) or are a name of yours that is missing.',
    looks: ['dns', 'processes'],
    mend: 'Put the missing name right; made-up names mean code that is not yours: isolate the container and keep its files.',
  },
  'dns-rebinding': {
    check: 'See what the container sent to the inside address after the second answer.',
    looks: ['flows', 'zone', 'logs'],
    mend: "Turn on the resolver's rebinding protection, and let the application check the address it connects to.",
  },
  'dns-tunnel': {
    check: 'Block the zone, see what asks for it, and count what left: the names carry the data.',
    looks: ['zone', 'dns', 'processes', 'files'],
    mend: 'Take the container off its networks and keep its file system; a registry of your own with many names belongs in known_zones.',
  },
  'docker-api-access': {
    check:
      'Whoever speaks to the API can be root on that host: see which containers were made or started since.',
    looks: ['flows', 'processes', 'inspect'],
    mend: 'Close the port or give the engine TLS; put a socket proxy between where a container needs it. Rotate what the host held.',
  },
  'exfil-volume': {
    check: 'See what was sent and by which process: a first backup looks the same.',
    looks: ['peer-flows', 'flows', 'dns', 'processes', 'logs'],
    mend: 'If nobody meant it: cut the container off, and find out which data it could read.',
  },
  'finding-storm': {
    check:
      'Many findings are told as one: begin with its first and its gravest, noise may hide one that counts.',
    looks: ['flows', 'processes'],
    mend: 'Stop the source of the storm first; then look at what remains.',
  },
  'host-service-access': {
    check: 'See what the container wants from this host, and whether it got in.',
    looks: ['flows', 'sockets', 'processes', 'logs'],
    mend: 'Let the service listen on 127.0.0.1, or close it to the bridges in the firewall; what is meant is an exception.',
  },
  'host-sweep': {
    check:
      'Somebody looks for neighbours: see what runs there, and which of those it found it went on to talk to.',
    looks: ['flows', 'processes', 'files', 'network'],
    mend: 'Keep it from the network until you know; a scanner of yours is an exception.',
  },
  'icmp-tunnel': {
    check: 'A connection is carried in pings: see whose the other end is, and how much went through.',
    looks: ['peer-flows', 'processes', 'files'],
    mend: 'Drop NET_RAW, close echo to the outside for containers, and treat the container as broken into.',
  },
  'internal-egress': {
    check:
      'A container that is meant to be cut off talks or tries to talk outside: see what it sent, and which process does.',
    looks: ['flows', 'peer-flows', ...INTRUDER, 'network'],
    mend: 'If it only phones home, turn that off in the image; otherwise take it off the network and keep its file system.',
  },
  'internal-ingress': {
    check: 'The promise of the internal network is broken: see which rule lets them in, and who came.',
    looks: ['flows', 'firewall', 'network', 'logs'],
    mend: 'Restart the engine or restore its rules (DOCKER-FORWARD, DOCKER-ISOLATION); remove what let it in.',
  },
  'internal-relay': {
    check:
      'Data leaves the internal network through a container with two networks: see what it forwards, and for whom.',
    looks: ['flows', 'peer-flows', 'processes', 'inspect'],
    mend: 'Stop the relay, or let it forward only what it is meant to; take it off the internal network if it need not be there.',
  },
  'ip-spoof': {
    check:
      'See what runs in the sender and why it writes the address of another; the log of a service may blame the wrong one.',
    looks: ['processes', 'inspect', 'neighbours'],
    mend: 'Drop NET_RAW and NET_ADMIN; a router of yours without masquerading is an exception.',
  },
  'isolation-bypass': {
    check:
      'Traffic crossed between networks that Docker keeps apart: see which rule lets it, and what was exchanged.',
    looks: ['flows', 'firewall', 'network'],
    mend: 'Restore the rules (restart the engine after the firewall), or put those who are meant to meet on a common network.',
  },
  'metadata-access': {
    check: "See in the cloud's audit log what the machine's role did since, and what in the container asked.",
    looks: ['flows', 'processes', 'logs'],
    mend: 'Rotate the credentials of that role, and drop 169.254.169.254 for containers in DOCKER-USER.',
  },
  mining: {
    check: 'Somebody else runs code in the container: look at its processes before you stop it.',
    looks: ['processes', 'files', 'peer-flows', 'logs'],
    mend: 'Stop it, keep its file system, find how they came in, and make it anew from a clean image.',
  },
  'new-edge': {
    check: 'See whether a deployment or a setting explains the new peer.',
    looks: ['learned', 'flows', 'processes'],
    mend: 'Nothing, when it was meant; else follow it like an intruder who looks around.',
  },
  'new-listener': {
    check: 'See which process listens, since when, and who has already connected.',
    looks: ['sockets', 'processes', 'files', 'flows'],
    mend: 'Stop what nobody started on purpose; an intruder who waits opens a port so.',
  },
  'overlay-cleartext': {
    check: 'See who owns the wire between the hosts.',
    looks: ['network'],
    mend: 'Make the overlay with encryption (--opt encrypted) and see that it holds, or use a VPN between the hosts.',
  },
  'port-scan': {
    check: 'See what runs in the scanner, and which of the open ports it went on to use.',
    looks: ['processes', 'files', 'flows'],
    mend: 'Keep it from the network until you know; scans from outside are everyday: publish nothing that need not be.',
  },
  'published-exposure': {
    check: 'See who came, and what they did there.',
    looks: ['published', 'flows', 'logs'],
    mend: 'Publish on 127.0.0.1 or a LAN address (-p 127.0.0.1:5432:5432), or put a proxy with a login before it.',
  },
  'rogue-gateway': {
    check:
      'Who believed it sent its traffic there: see what runs in it, and who its neighbours talked to meanwhile.',
    looks: ['processes', 'inspect', 'network', 'flows'],
    mend: 'Stop it and drop NET_RAW and NET_ADMIN; a router of yours belongs in known_routers.',
  },
  'threat-list': {
    check: 'See what was exchanged with the listed place, and who else talks to it.',
    looks: ['peer-flows', 'dns', 'processes', 'files'],
    mend: 'If the list is right: cut the container off its networks, keep its file system, look for how they came in.',
  },
};

/** For what the agent's audits found: a configuration, not an event. */
export const AUDIT_GUIDANCE: Guidance = {
  check:
    'It stood open in that time: see whether anything went through it, in the other findings and in its flows.',
  looks: ['flows', 'inspect'],
  mend: 'As its evidence says, by the line; bridgewatch audit shows what is still so.',
};

/** For an analyzer that is not here: one of a newer agent's database. */
export const USUAL_GUIDANCE: Guidance = {
  check: 'See what the subject did around that time, and what runs in it.',
  looks: ['flows', 'dns', 'processes'],
  mend: 'If nobody meant it: take it off its networks, keep its file system, and look for how they came in.',
};
