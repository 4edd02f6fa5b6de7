/**
 * What was seen and not understood, by number, in tables of fixed size: the sender chooses the numbers, so a table
 * that is full counts the rest under `other`.
 */

const MAX_KEYS = 256;

export class Unknowns {
  readonly #etherTypes = new Map<number, number>();
  readonly #linkTypes = new Map<number, number>();
  readonly #ipProtocols = new Float64Array(256);
  readonly #llcSaps = new Float64Array(256);
  #arp = 0;
  #other = 0;

  etherType(type: number): void {
    this.#count(this.#etherTypes, type);
  }

  linkType(type: number): void {
    this.#count(this.#linkTypes, type);
  }

  ipProtocol(protocol: number): void {
    this.#ipProtocols[protocol]!++;
  }

  llc(sap: number): void {
    this.#llcSaps[sap]!++;
  }

  /** ARP for other hardware or protocols than Ethernet and IPv4. */
  arp(): void {
    this.#arp++;
  }

  /** `ethertype-0x88cc`, `ip-protocol-47`, `llc-0x42`, `linktype-127`, `arp`, `other`. */
  table(): Record<string, number> {
    const table: Record<string, number> = {};
    for (const [type, count] of this.#etherTypes) table[`ethertype-${hex(type, 4)}`] = count;
    for (const [type, count] of this.#linkTypes) table[`linktype-${type}`] = count;
    for (const [protocol, count] of this.#ipProtocols.entries()) {
      if (count > 0) table[`ip-protocol-${protocol}`] = count;
    }
    for (const [sap, count] of this.#llcSaps.entries()) if (count > 0) table[`llc-${hex(sap, 2)}`] = count;
    if (this.#arp > 0) table['arp'] = this.#arp;
    if (this.#other > 0) table['other'] = this.#other;
    return table;
  }

  #count(counts: Map<number, number>, key: number): void {
    const count = counts.get(key);
    if (count !== undefined) counts.set(key, count + 1);
    else if (counts.size < MAX_KEYS) counts.set(key, 1);
    else this.#other++;
  }
}

function hex(value: number, digits: number): string {
  return `0x${value.toString(16).padStart(digits, '0')}`;
}
