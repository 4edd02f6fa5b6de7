/**
 * What single commands print with `--json` beside the agent's records; docs/records.md and docs/output.schema.json
 * are made from these comments and types.
 */
import type { ConfigIssue } from '../../config/error.ts';
import type { AuditResult, AuditScore, NetworkAssurance } from '../../model/audit.ts';
import type { Diagnosis } from '../../model/diagnosis.ts';
import type { Direction } from '../../model/flow.ts';

/** `version --json`. */
export interface VersionRecord {
  readonly kind: 'version';
  /** Of the package. */
  readonly bridgewatch: string;
  /** Of the runtime. */
  readonly node: string;
  /** What the library says of itself; absent when live capture through libpcap is not possible. */
  readonly libpcap?: string;
  /** Why libpcap cannot be used; absent when it can. */
  readonly problem?: string;
}

/** `mutes --json`: one line for each mute that holds. `mute --json`, `unmute --json`: the one that was said, or that ended. */
export interface MuteRecord {
  readonly kind: 'mute';
  /** To unmute it by. */
  readonly id: string;
  /** When it was said. */
  readonly at: string;
  /** Who said so; nobody proved it. */
  readonly by: string;
  /** Why. */
  readonly reason: string;
  /** When it ends; absent: not by itself. */
  readonly until?: string;
  /** Said of this finding: all of its analyzer and key are meant. Absent where a filter says which. */
  readonly finding?: string;
  /** Its analyzer; absent where a filter says which. */
  readonly analyzer?: string;
  /** Its key; absent where a filter says which. */
  readonly key?: string;
  /** Name of the finding's Docker network; absent where there is none. */
  readonly network?: string;
  /** The filter, where it is about all that one describes; absent where it is about a finding. */
  readonly where?: string;
}

/** `doctor --json`, `influx check --json`: one line for each thing looked at. */
export interface DiagnosisRecord extends Diagnosis {
  readonly kind: 'diagnosis';
}

/** `audit --json`: one line for each answer of a check. */
export interface AuditRecord extends AuditResult {
  readonly kind: 'audit';
}

/** `audit --json`: behind the answers, one line for the host and one for each network. */
export interface AuditScoreRecord extends AuditScore {
  readonly kind: 'audit-score';
}

/** `audit --json`: behind the scores, one line for each internal network: its ways out, open, shut and not known. */
export interface AuditAssuranceRecord extends NetworkAssurance {
  readonly kind: 'audit-assurance';
}

/** `influx schema --json`: one line for each measurement in InfluxDB. */
export interface InfluxMeasurementRecord {
  readonly kind: 'influx-measurement';
  /** Its name. */
  readonly measurement: string;
  /** What a point is. */
  readonly about: string;
  /** What its timestamp is. */
  readonly time: string;
  /** Always all of them; a value that is missing is `none`. */
  readonly tags: readonly InfluxTagRecord[];
  /** Those that have a value. */
  readonly fields: readonly InfluxFieldRecord[];
}

export interface InfluxTagRecord {
  /** Its key. */
  readonly name: string;
  /** What bounds its values: `fixed` words, one `host`, `values` a day (max_tag_values), 256 `ports` a day. */
  readonly bound: 'fixed' | 'host' | 'values' | 'ports';
  /** What it means. */
  readonly about: string;
}

export interface InfluxFieldRecord {
  /** Its key. */
  readonly name: string;
  /** As InfluxDB has it. */
  readonly type: 'string' | 'integer' | 'boolean';
  /** What it means. */
  readonly about: string;
}

/** `influx init --json`: one line for each thing that the server needs. */
export interface InfluxStepRecord {
  readonly kind: 'influx-step';
  /** What it is about. */
  readonly what: string;
  /**
   * `made`; `exists`: nothing was to be done; `missing`: would be made, but nothing was to be changed; `differs`: there is
   * another one by that name, which was left; `by-hand`: a person has to.
   */
  readonly outcome: 'made' | 'exists' | 'missing' | 'differs' | 'by-hand';
  /** What was asked of the server, or would be; absent where there is no statement for it. */
  readonly statement?: string;
  /** What to do; absent when there is nothing to do. */
  readonly advice?: string;
}

/** `check-config --json` when all is well. */
export interface ConfigRecord {
  readonly kind: 'config';
  /** The file as it was named, or `environment and defaults`. */
  readonly file: string;
  /** Always. */
  readonly ok: true;
}

/** `check-config --json`: one line for each thing that is wrong. */
export interface ConfigIssueRecord extends ConfigIssue {
  readonly kind: 'config-issue';
}

/**
 * `dns --by ... --json`: one line for each container, name, zone or resolver, those with the most questions first, and
 * a last one for all others.
 */
export interface DnsSummaryRecord {
  readonly kind: 'dns-summary';
  /** What look-ups are summed up by. */
  readonly by: 'container' | 'name' | 'zone' | 'resolver';
  /**
   * Which one: a container's label, else the scope's word with the address; a name or zone in lower case; a resolver's
   * address or label, `engine` for Docker's embedded one where it is not known whom it asked. Absent in the last line.
   */
  readonly key?: string;
  /** Only in the last line: how many are summed up there. */
  readonly others?: number;
  /** The earliest question. */
  readonly first: string;
  /** The latest question. */
  readonly last: string;
  /** How many look-ups; with those of which only the answer was seen. */
  readonly questions: number;
  /** No answer was seen; mDNS and LLMNR do not count, because nobody owes one there. */
  readonly unanswered: number;
  /** Answers that there is no such name. */
  readonly nxdomain: number;
  /** Answers that the resolver could not find out. */
  readonly servfail: number;
  /** Distinct names, in any case. */
  readonly names: number;
  /** Distinct askers. */
  readonly clients: number;
  /** Absent while the counts are exact: `names` beyond 512 are some 5 % off, `clients` beyond 128 some 10 %. */
  readonly isEstimated?: true;
  /** Microseconds from question to answer, 5 % off at most; absent when no pair was seen. */
  readonly latencyMedian?: number;
  /** Nineteen of twenty answers came within, as exact; absent likewise. */
  readonly latencyP95?: number;
  /** The one whose `latencyP95` is the highest; absent when no pair was seen. */
  readonly slowestResolver?: {
    /** Written as `key` is. */
    readonly resolver: string;
    /** Look-ups with question and answer. */
    readonly questions: number;
    /** Of this resolver. */
    readonly latencyP95: number;
  };
  /** Who asked most, at most five. */
  readonly topClients: readonly DnsCount[];
  /** What was asked for most, at most five, in lower case. */
  readonly topNames: readonly DnsCount[];
  /** What came back most, at most five: data of the asked type, else the code, `NODATA`, or `?` for no answer. */
  readonly topAnswers: readonly DnsCount[];
}

export interface DnsCount {
  /** Whose or which, in escaped form. */
  readonly value: string;
  /** How many look-ups; at least so many, where there were more than 64 to choose from. */
  readonly count: number;
}

/** `map --edges --json`, and `map --watch` where it cannot draw: one line for each pair that talked of late. */
export interface EdgeRecord {
  readonly kind: 'edge';
  /** End of the window, wall clock; the same for all edges of one look. */
  readonly time: string;
  /** How much time the edge sums up. */
  readonly windowSecs: number;
  /** Name of the Docker network, else of the interface. */
  readonly network: string;
  /** Who opened the flows: a container's label, else the scope's word with the name or the address. */
  readonly orig: string;
  /** The other end, written alike. */
  readonly resp: string;
  /** The responder's port; absent for protocols without ports. */
  readonly respPort?: number;
  /** `tcp`, `udp`, `icmp`, `icmp6`, or `ip-<number>`. */
  readonly protocol: string;
  /** Seen from the containers. */
  readonly direction: Direction;
  /** IP bytes in both directions, averaged over the window; of a flow that began before it, its average so far. */
  readonly bytesPerSecond: number;
  /** Flows summed up. */
  readonly flows: number;
  /** Begin of the oldest of them. */
  readonly since: string;
  /** The latest packet that is recorded of them. */
  readonly last: string;
}

/** `learned --json`: one line for each service that the detector `new-edge` knows. */
export interface LearnedServiceRecord {
  readonly kind: 'learned';
  /** Always `new-edge`. */
  readonly analyzer: string;
  /** Compose project and service, or the Swarm service; else `image` with the image, where no service is known. */
  readonly service: string;
  /** `discover`: what it does is learned and not told. `monitor`: what is new is told. */
  readonly state: 'discover' | 'monitor';
  /** When it was first seen. */
  readonly since: string;
  /** When its edges were known; absent in `discover`. */
  readonly monitoredSince?: string;
  /** How much longer it must be watched at the least; absent in `monitor`. */
  readonly monitorInSecs?: number;
  /** How long it was watched when that was last kept; long quiet stretches count in part. */
  readonly watchedSecs: number;
  /** Known edges that it opens. */
  readonly edges: number;
  /** Outside places that it ever used; not counted on once it goes anywhere. */
  readonly places: number;
  /** It has no habits outside, so that no new place is told. */
  readonly goesAnywhere: boolean;
  /** It was reached from the Internet. */
  readonly isExposed: boolean;
}

/** `learned SERVICE --json`: one line for each edge that this service opens, after the service itself. */
export interface LearnedEdgeRecord {
  readonly kind: 'learned-edge';
  /** Always `new-edge`. */
  readonly analyzer: string;
  /** Who opens it, as in `learned`. */
  readonly service: string;
  /** A service as in `learned`, `host`, `lan` with a prefix, `zone` with a name, an AS number, or `net` with a prefix. */
  readonly target: string;
  /** With its protocol; `high` for all from 32768 on, `web` for 80 and 443 outside. */
  readonly port: string;
  /** When it was first seen. */
  readonly first: string;
}

/** `learned --json`, after the services: one line for each thing that a detector keeps. */
export interface LearnedMapRecord {
  readonly kind: 'learned-map';
  /** Which detector. */
  readonly analyzer: string;
  /** Its own word for what it learned. */
  readonly map: string;
  /** How many. */
  readonly entries: number;
  /** Of their text in the database. */
  readonly bytes: number;
  /** The newest of them; wall clock of the agent, or of the capture. */
  readonly saved: string;
}

/** `capture --json`, and the file beside each capture (`FILE.json`): what was recorded, and what was not. */
export interface CaptureRecord {
  readonly kind: 'capture';
  /** Bridgewatch, with its version. */
  readonly tool: string;
  /** Name of the machine. */
  readonly host: string;
  /** As they were asked for. */
  readonly targets: readonly string[];
  /** Wall clock. */
  readonly started: string;
  /** Wall clock. */
  readonly ended: string;
  /**
   * Why it ended: `stopped` by a person or --for, `packets` by --count, `bytes` by --max-size, `reader-gone`: nobody reads
   * the pipe any more, `interfaces-gone`: all networks went, `failed`: see what was said.
   */
  readonly end: string;
  /** Frames written. */
  readonly packets: number;
  /** One for each tap; a container that came later has one of its own. */
  readonly interfaces: readonly CaptureInterfaceRecord[];
  /** Oldest first; none where it went to a pipe. */
  readonly files: readonly CaptureFileRecord[];
  /** What was asked for and could not be seen, one sentence each. */
  readonly notRecorded: readonly string[];
}

export interface CaptureInterfaceRecord {
  /** Name of the Docker network. */
  readonly network: string;
  /** 12 digits of its id. */
  readonly networkId: string;
  /** `internal: true`: by design nothing leaves or enters. */
  readonly internal: boolean;
  /** Where it was tapped. */
  readonly interface: string;
  /** pcap-filter(7) of all that was asked for; absent: everything. */
  readonly filter?: string;
  /** Frames written. */
  readonly packets: number;
  /** Frames that the kernel handed over or dropped, as it counts them. */
  readonly received: number;
  /** Frames lost because they were not read in time; absent when the backend cannot know. */
  readonly droppedByKernel?: number;
  /** Frames that the interface itself lost; absent likewise. */
  readonly droppedByInterface?: number;
}

export interface CaptureFileRecord {
  /** Without its folder. */
  readonly name: string;
  /** Its size. */
  readonly bytes: number;
  /** Of the whole file, hex. */
  readonly sha256: string;
}

/** `timeline --json`: one line for each thing that happened, oldest first. */
export interface TimelineRecord {
  readonly kind: 'timeline';
  /** When. */
  readonly time: string;
  /** Kind of the record that tells of it. Of flows and look-ups only the first and the last of each pair or zone stand here. */
  readonly of: string;
  /** Of a finding; absent for all else. */
  readonly severity?: string;
  /** Names of Docker networks; absent where it is about none. */
  readonly network?: string;
  /** Whom it is about: a container's label, else an address or a name; absent where it is about nobody. */
  readonly who?: string;
  /** What happened, in escaped form. */
  readonly text: string;
  /** Of the finding, the decision, or the first flow; absent for all else. */
  readonly id?: string;
}

/** `bundle --json`: what was written. */
export interface BundleRecord {
  readonly kind: 'bundle';
  /** The archive; absent where it went to stdout. */
  readonly file?: string;
  /** Its size. */
  readonly bytes: number;
  /** Of the whole archive, hex: to be noted down elsewhere, for `bundle verify --sha256`. */
  readonly sha256: string;
  /** What was asked for. */
  readonly about: 'finding' | 'subject' | 'time';
  /** Begin of the time that it is about. */
  readonly since: string;
  /** Its end; not included. */
  readonly until: string;
  /** In the order of the archive, without its manifest. */
  readonly files: readonly {
    /** Below the bundle's folder. */
    readonly path: string;
    /** Its size. */
    readonly bytes: number;
    /** What it is. */
    readonly what: string;
  }[];
  /** What should be in it and is not. */
  readonly missing: readonly {
    /** A file, or what would have been in one. */
    readonly what: string;
    /** In a sentence. */
    readonly why: string;
  }[];
  /** Ed25519 public key (SPKI, DER, base64); absent where it is not signed. */
  readonly signedBy?: string;
}

/** `flows --by --json`: one line for each group, the largest first; where there are more, a last one for all others. */
export interface FlowGroupRecord {
  readonly kind: 'flow-group';
  /** What its flows have in common, by the fields of `--by`; a field that they have not is absent. Absent in the last line. */
  readonly key?: { readonly [field: string]: string | number | undefined };
  /** How many groups were put together in the last line; absent in the others. */
  readonly others?: number;
  /** Flows. */
  readonly flows: number;
  /** What `--sum` asked for, by its names: `bytes`, `bytes.out`, `packets` ... */
  readonly sums: { readonly [measure: string]: number };
  /** End of the first of its flows. */
  readonly first: string;
  /** End of the last of its flows. */
  readonly last: string;
}

/** `bundle verify --json`: whether it is what was written. */
export interface BundleCheckRecord {
  readonly kind: 'bundle-check';
  /** The archive or folder; absent where it came from stdin. */
  readonly file?: string;
  /** No problem was found. */
  readonly ok: boolean;
  /** Read. */
  readonly bytes: number;
  /** Of the whole archive, hex; absent for a folder. */
  readonly sha256?: string;
  /** How many its manifest lists; absent where that could not be read. */
  readonly files?: number;
  /** When it was made, as it says itself; absent likewise. */
  readonly created?: string;
  /** By whom, as it says itself; absent likewise. */
  readonly createdBy?: string;
  /** On which machine, as it says itself; absent likewise. */
  readonly host?: string;
  /** Ed25519 public key that its signature fits; absent where it is not signed. */
  readonly signedBy?: string;
  /** At most 1000. */
  readonly problems: readonly {
    /**
     * `changed`: not the content that the manifest tells of. `missing`, `added`, `duplicate`, `order`: files against the
     * manifest. `header`, `padding`, `end`: bytes between files. `manifest`, `sums`, `signature`: what vouches for the rest.
     * `hash`: not the archive whose hash was given. `format`: no bundle at all.
     */
    readonly problem: string;
    /** Which file; absent where it is about none. */
    readonly path?: string;
    /** Where in the archive; absent where it is nowhere in particular. */
    readonly atByte?: number;
    /** In a sentence. */
    readonly detail: string;
  }[];
  /** Problems beyond those. */
  readonly furtherProblems: number;
}
