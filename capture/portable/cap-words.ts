/** What `cap` says in words, and what its child process says to its parent. */
import type { LinkType } from '../source.ts';

/** The link types that `cap` knows a word for. */
export const LINK_TYPES_OF_CAP: Readonly<Record<string, LinkType>> = {
  NULL: 0,
  ETHERNET: 1,
  RAW: 101,
  LINKTYPE_LINUX_SLL: 113,
  IEEE802_11_RADIO: 127,
};

/** Why the child could not capture: one line of JSON on its stderr. */
export interface Refusal {
  readonly what: 'load' | 'open' | 'link-type';
  /** As `cap`, libpcap or Node put it. */
  readonly words: string;
}

export function parseRefusal(stderr: string): Refusal | undefined {
  for (const line of stderr.split('\n')) {
    if (!line.startsWith('{"what":')) continue;
    return JSON.parse(line) as Refusal;
  }
  return undefined;
}
