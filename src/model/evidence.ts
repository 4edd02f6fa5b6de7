/**
 * Packets put aside: what the sensor took out of its ring for a finding, or for somebody who asked, on its way to the
 * station, which keeps it as a file.
 */
import type { Severity } from './finding.ts';
import type { Micros } from './time.ts';

/** Why packets are put aside. */
export type EvidenceCause =
  | {
      readonly kind: 'finding';
      readonly findingId: string;
      readonly analyzer: string;
      readonly severity: Severity;
    }
  | {
      readonly kind: 'request';
      /** As the station named it when it asked. */
      readonly request: string;
    };

/** How a collection ended: all that there was, at one of its bounds, or because something broke. */
export type EvidenceEnd = 'whole' | 'limit' | 'cut';

/** One collection, in this order: a begin, bytes, an end. Or a refusal alone. */
export type EvidencePiece =
  | {
      readonly type: 'begin';
      /** Of the collection; safe as the name of a file. */
      readonly id: string;
      readonly cause: EvidenceCause;
      /** Packet time of what caused it. */
      readonly time: Micros;
      /** Names of the Docker networks that it is looked for on. */
      readonly networks: readonly string[];
    }
  | {
      readonly type: 'bytes';
      readonly id: string;
      /** pcapng, whole blocks. */
      readonly bytes: Uint8Array;
    }
  | {
      readonly type: 'end';
      readonly id: string;
      readonly end: EvidenceEnd;
      readonly packets: number;
      /** Packet times of the first and the last; absent when there was none. */
      readonly first?: Micros;
      readonly last?: Micros;
      /** What is not in it and why, one line each. */
      readonly missing: readonly string[];
    }
  | {
      readonly type: 'refused';
      readonly request: string;
      /** What was asked, why it cannot be, and what to do. */
      readonly reason: string;
    };

/**
 * Packets were put aside, let go again, or taken by somebody: together the audit trail of who saw whose packets, and why
 * of which moment there are none.
 */
export interface EvidenceRecord {
  readonly kind: 'evidence';
  /** Wall clock, when it was complete, or let go. */
  readonly time: Micros;
  /** Of the collection; the same from `kept` to `removed`. */
  readonly id: string;
  /** `kept`: it was taken. `removed`: its file is no more, `reason` says why. */
  readonly change: 'kept' | 'removed';
  /**
   * `finding`: the agent put them aside because of one. `request`: somebody asked for the last moments. `command`:
   * somebody captured with `bridgewatch capture`.
   */
  readonly cause: EvidenceRecordCause;
  /** Id of the finding; absent where somebody asked. */
  readonly finding?: string | undefined;
  /** Its analyzer; absent where somebody asked. */
  readonly analyzer?: string | undefined;
  /** Its severity when they were whole; absent where somebody asked. */
  readonly severity?: Severity | undefined;
  /** Who asked or captured, as they said; nobody proved it. Absent where a finding was the cause. */
  readonly by?: string | undefined;
  /** Networks, containers, services that were asked for; absent where a finding was the cause. */
  readonly targets?: readonly string[] | undefined;
  /** The capture filter (BPF); absent where all was taken. */
  readonly filter?: string | undefined;
  /** Names of the Docker networks that it was looked for on. */
  readonly networks: readonly string[];
  /** Packet time of what caused it; absent of `command`. */
  readonly trigger?: Micros | undefined;
  /** Packet time of the first packet; absent when there is none, or when nobody is left to say. */
  readonly first?: Micros | undefined;
  /** Packet time of the last packet; absent as the first. */
  readonly last?: Micros | undefined;
  /** Packets in it; absent where it was cut off and nobody is left to say. */
  readonly packets?: number | undefined;
  /** Length of the pcapng. */
  readonly bytes: number;
  /** Name of the file in the agent's evidence folder; absent where there is none: no packets, or not the agent's to keep. */
  readonly file?: string | undefined;
  /** SHA-256 of the pcapng, as it was written; absent where there is none, or more than one. */
  readonly sha256?: string | undefined;
  /** `whole`: all that there was. `limit`: it ended at one of its bounds. `cut`: something broke. */
  readonly end: EvidenceEnd;
  /** What is not in it and why, one line each. */
  readonly missing: readonly string[];
  /** Why it is no more; absent of what was kept. */
  readonly reason?: string | undefined;
}

export type EvidenceRecordCause = EvidenceCause['kind'] | 'command';

/** Somebody wants what the ring holds. */
export interface EvidenceRequest {
  /** Names it in the answer. */
  readonly request: string;
  /** Networks, containers, services, as `bridgewatch capture` takes them. */
  readonly targets: readonly string[];
  /** Packets of so many seconds before now. */
  readonly lastSecs: number;
}
