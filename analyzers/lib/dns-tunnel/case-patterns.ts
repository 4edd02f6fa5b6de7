/**
 * Letter case as a channel, and who may use it: DNS ignores case but carries it, so that each letter of a repeated name
 * is a bit. A resolver that mixes case in all it asks (draft-vixie-dnsext-dns0x20, `use-caps-for-id`) does so in every
 * zone; a tunnel only in its own.
 */

const MIN_LETTERS = 8;
const ZONES = 3;
/** Questions outside a zone that say how the client writes, at least. */
const ENOUGH = 12;
const MOST = 0.8;

/** A byte a started eight letters: each is one bit. */
export function caseBytes(letters: number): number {
  return Math.ceil(letters / 8);
}

/** A person or a program writes `GitHub.com`; a coin writes about half of the letters large. */
export function isMixedCase(upper: number, letters: number): boolean {
  return letters >= MIN_LETTERS && upper >= letters * 0.2 && upper <= letters * 0.8;
}

/** Of one client or of one client in one zone. */
export interface CaseCounts {
  /** Questions with letters enough to tell. */
  caseable: number;
  mixedCase: number;
}

/** How a client writes names, over all zones. */
export class CaseHabit implements CaseCounts {
  caseable = 0;
  mixedCase = 0;
  readonly #zones: string[] = [];

  note(letters: number, upper: number, zone: string, inZone: CaseCounts): void {
    if (letters < MIN_LETTERS) return;
    this.caseable += 1;
    inZone.caseable += 1;
    if (!isMixedCase(upper, letters)) return;
    this.mixedCase += 1;
    inZone.mixedCase += 1;
    // One more than needed, because the zone that is judged does not vouch for itself.
    if (this.#zones.length <= ZONES && !this.#zones.includes(zone)) this.#zones.push(zone);
  }

  /** Whether the client mixes case wherever else it asks. */
  isRandomOutside(zone: string, inZone: CaseCounts): boolean {
    const others = this.#zones.length - (this.#zones.includes(zone) ? 1 : 0);
    const asked = this.caseable - inZone.caseable;
    return others >= ZONES && asked >= ENOUGH && this.mixedCase - inZone.mixedCase > asked * MOST;
  }
}
