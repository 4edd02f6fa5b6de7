/**
 * A look at a flow before a record of it is made, so that analyzers choose the few that concern them. Reads rows of the
 * flow table and makes no strings, unless it is asked who an address is. One object for all flows: whoever is shown it
 * may keep nothing of it.
 */
import type { Scope } from '../model/endpoint.ts';
import { type IpWords, isIpv4Words } from '../model/ip.ts';
import type { Opening } from '../model/opening.ts';
import type { FlowGlance } from './analysis/analyzer.ts';
import { specialRange } from './docker/special-ranges.ts';
import type { FlowTable } from './flow/table.ts';
import type { FlowContent } from './flow-facts.ts';
import type { FlowRecords } from './flow-records.ts';

export class FlowGlancer implements FlowGlance {
  event: FlowGlance['event'] = 'start';
  readonly #table: FlowTable;
  readonly #records: FlowRecords;
  readonly #content: FlowContent;
  #slot = -1;
  // What was asked already: every analyzer asks the same of the same flow. Dropped when the next one is shown.
  #protocol: string | undefined;
  #origWords: IpWords | undefined;
  #respWords: IpWords | undefined;
  #isInternal: boolean | undefined;
  #mayCross: boolean | undefined;
  #respScope: Scope | undefined;

  constructor(table: FlowTable, records: FlowRecords, content: FlowContent) {
    this.#table = table;
    this.#records = records;
    this.#content = content;
  }

  at(slot: number, event: FlowGlance['event']): FlowGlance {
    this.#slot = slot;
    this.event = event;
    this.#protocol = undefined;
    this.#origWords = undefined;
    this.#respWords = undefined;
    this.#isInternal = undefined;
    this.#mayCross = undefined;
    this.#respScope = undefined;
    return this;
  }

  get protocol(): string {
    this.#protocol ??= this.#table.protocolName(this.#slot);
    return this.#protocol;
  }

  get origWords(): IpWords {
    this.#origWords ??= this.#table.origWords(this.#slot);
    return this.#origWords;
  }

  get respWords(): IpWords {
    this.#respWords ??= this.#table.respWords(this.#slot);
    return this.#respWords;
  }

  get respPort(): number | undefined {
    return this.#table.respPort(this.#slot);
  }

  get opening(): Opening | undefined {
    return this.#table.opening(this.#slot);
  }

  get service(): string | undefined {
    return this.#content.serviceOf(this.#slot);
  }

  get serverName(): string | undefined {
    return this.#content.serverName(this.#slot);
  }

  get isInternal(): boolean {
    this.#isInternal ??= this.#records.networkOf(this.#slot)?.internal === true;
    return this.#isInternal;
  }

  get mayHaveContainer(): boolean {
    return this.#records.hasNetworks;
  }

  get mayCross(): boolean {
    this.#mayCross ??= this.mayHaveContainer && (isPublic(this.respWords) || isPublic(this.origWords));
    return this.#mayCross;
  }

  get respScope(): Scope {
    this.#respScope ??= this.#records.respScope(this.#slot);
    return this.#respScope;
  }
}

/** Addresses of the scope `internet` are among these; so are those of a network that was given a public range. */
function isPublic(words: IpWords): boolean {
  // Most are; the ranges of sites need no look at the table.
  if (isIpv4Words(words[0], words[1], words[2])) {
    const first = words[3] >>> 24;
    if (first === 10 || first === 127) return false;
    if (first === 172 && ((words[3] >>> 20) & 0xf) === 1) return false;
    if (first === 192 && ((words[3] >>> 16) & 0xff) === 168) return false;
  }
  return specialRange(words).scope === 'internet';
}
