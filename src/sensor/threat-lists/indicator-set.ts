/**
 * What one version of one list holds, ready to be asked, and how its reading went. Filled once, then never changed: a new
 * version of the file is a new set, put in the place of this one.
 */
import { formatCidr, formatIp, type IpWords, isIpv4Words, wordMask } from '../../model/ip.ts';
import { AddressTable } from './address-table.ts';
import { FLAG, Notes } from './entry-facts.ts';
import { type Indicator, parseIndicator, type ValueType } from './indicator.ts';
import { NameTable } from './name-table.ts';
import { NONE } from './prefix-table.ts';
import { refusalOf } from './refusals.ts';

/** A place in the file where something was passed over: the first of its kind. */
export interface FirstOf {
  readonly line: number;
  /** The beginning of what stood there; raw. */
  readonly text: string;
  readonly why?: string;
}

export interface Tally {
  count: number;
  first?: FirstOf;
}

/** How the reading went. */
export interface ReadingReport {
  lines: number;
  /** Said twice. */
  duplicates: number;
  /** Of kinds that no traffic shows (hashes, mail addresses), or that the list itself marks as not for detection. */
  passedOver: number;
  readonly notUnderstood: Tally;
  readonly refused: Tally;
}

export interface ListEntry {
  readonly indicator: string;
  readonly kind: 'address' | 'network' | 'host' | 'domain' | 'url';
  /** Absent when any is meant. */
  readonly port?: number;
  readonly note?: string;
  /** Of the file; several when it is packed into one line. */
  readonly line: number;
}

export interface IndicatorSetOptions {
  readonly maxIndicators: number;
  readonly allowPrivate: boolean;
}

/** What a parser found: one value with what the list says about it. */
export interface FoundValue {
  readonly value: string;
  readonly type?: ValueType;
  readonly port?: number | undefined;
  readonly note?: string | undefined;
}

const SHOWN_CHARS = 80;
/** Places looked at between two rests while two sets are compared. */
const AT_ONCE = 4096;

export class IndicatorSet {
  readonly report: ReadingReport = {
    lines: 0,
    duplicates: 0,
    passedOver: 0,
    notUnderstood: { count: 0 },
    refused: { count: 0 },
  };
  readonly #addresses = new AddressTable();
  readonly #names = new NameTable();
  readonly #notes = new Notes();
  readonly #options: IndicatorSetOptions;
  #networks = 0;

  constructor(options: IndicatorSetOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#addresses.facts.size + this.#names.facts.size;
  }

  get addressCount(): number {
    return this.#addresses.facts.size - this.#networks;
  }

  get networkCount(): number {
    return this.#networks;
  }

  get nameCount(): number {
    return this.#names.facts.size;
  }

  get isFull(): boolean {
    return this.size > this.#options.maxIndicators;
  }

  /** Of the tables; notes come on top. */
  get bytes(): number {
    return this.#addresses.bytes + this.#names.bytes;
  }

  /** Entries whose note had no room. */
  get notesLost(): number {
    return this.#notes.lost;
  }

  add(found: FoundValue, line: number): void {
    const indicator = parseIndicator(found.value, found.type);
    if (indicator === undefined) this.notUnderstood(line, found.value);
    else this.#take(indicator, found, line);
  }

  notUnderstood(line: number, text: string, why?: string): void {
    note(this.report.notUnderstood, line, text, why);
  }

  passOver(): void {
    this.report.passedOver += 1;
  }

  /** No more will come. */
  seal(): void {
    this.#addresses.facts.trim();
    this.#names.trim();
  }

  hasAddress(ip: IpWords): boolean {
    return this.#addresses.find(ip) !== NONE;
  }

  hasName(name: string): boolean {
    return this.#names.find(name) !== NONE;
  }

  ofAddress(ip: IpWords): ListEntry | undefined {
    const id = this.#addresses.find(ip);
    if (id === NONE) return undefined;
    const { facts } = this.#addresses;
    const bits = facts.prefixBits(id);
    return {
      indicator: addressText(ip, bits),
      kind: bits === 128 ? 'address' : 'network',
      ...this.#rest(facts.port(id), facts.note(id), facts.line(id)),
    };
  }

  ofName(name: string): ListEntry | undefined {
    const id = this.#names.find(name);
    if (id === NONE) return undefined;
    const { facts } = this.#names;
    const flags = facts.flags(id);
    const listed = this.#names.name(id);
    const kind = (flags & FLAG.URL) !== 0 ? 'url' : (flags & FLAG.BELOW) === 0 ? 'host' : 'domain';
    return {
      indicator: (flags & FLAG.SELF) === 0 ? `*.${listed}` : listed,
      kind,
      ...this.#rest(facts.port(id), facts.note(id), facts.line(id)),
    };
  }

  /** How many entries are in the other one too; a generator, because a million take a second. */
  *common(other: IndicatorSet): Generator<void, number> {
    const addresses = yield* this.#addresses.common(other.#addresses, AT_ONCE);
    const names = yield* this.#names.common(other.#names, AT_ONCE);
    return addresses + names;
  }

  #take(indicator: Indicator, found: FoundValue, line: number): void {
    const why = refusalOf(indicator, this.#options.allowPrivate);
    if (why !== undefined) {
      note(this.report.refused, line, found.value, why);
      return;
    }
    const facts = { line, note: this.#notes.idOf(found.note), port: indicator.port ?? found.port ?? 0 };
    if (indicator.kind === 'address') {
      const isNew = this.#addresses.add(indicator.base, indicator.prefixBits, facts);
      if (!isNew) this.report.duplicates += 1;
      else if (indicator.prefixBits < 128) this.#networks += 1;
      return;
    }
    const { name, self, below, isUrl } = indicator;
    const flags = (self ? FLAG.SELF : 0) | (below ? FLAG.BELOW : 0) | (isUrl ? FLAG.URL : 0);
    if (!this.#names.add(name, { ...facts, flags })) this.report.duplicates += 1;
  }

  #rest(port: number, noteId: number, line: number): Pick<ListEntry, 'port' | 'note' | 'line'> {
    const text = this.#notes.text(noteId);
    return { ...(port === 0 ? {} : { port }), ...(text === undefined ? {} : { note: text }), line };
  }
}

/** The entry that holds the address, from the address itself: keys of tables are not kept by entry. */
function addressText(ip: IpWords, prefixBits: number): string {
  if (prefixBits === 128) return formatIp(...ip);
  const base: IpWords = [
    (ip[0] & wordMask(prefixBits, 0)) >>> 0,
    (ip[1] & wordMask(prefixBits, 1)) >>> 0,
    (ip[2] & wordMask(prefixBits, 2)) >>> 0,
    (ip[3] & wordMask(prefixBits, 3)) >>> 0,
  ];
  const family = prefixBits >= 96 && isIpv4Words(ip[0], ip[1], ip[2]) ? 4 : 6;
  return formatCidr({ family, base, prefixBits });
}

function note(tally: Tally, line: number, text: string, why: string | undefined): void {
  tally.count += 1;
  tally.first ??= {
    line,
    text: Buffer.from(text.slice(0, SHOWN_CHARS), 'utf8').toString('utf8'),
    ...(why === undefined ? {} : { why }),
  };
}
