/**
 * Which interfaces of several files are one tap. The same interface name is the same tap, as on one host it is: files
 * of several hosts do not belong into one case. Files that name no interface are taps of their own, unless their names
 * say that one capture wrote them in turns; whether they really follow each other is for whoever sees their packets.
 */
import path from 'node:path';
import type { CaptureInterface } from './source.ts';

export interface TapKey {
  readonly key: string;
  /** The file named no interface: only if the files follow each other it is one tap. */
  readonly isGuess: boolean;
}

/** @param nth of the interfaces with this name in the file. */
export function tapKey(file: string, { name, linkType }: CaptureInterface, nth: number): TapKey {
  const base = path.basename(file);
  const isGuess = isNamedAfter(base, name);
  // `capture.pcapng#2`: what the reader calls its third interface.
  const place = isGuess
    ? `${path.resolve(path.dirname(file), rotationName(base))}${name.slice(base.length)}`
    : name;
  return { key: JSON.stringify([isGuess, place, linkType, nth]), isGuess };
}

/** What readers call an interface without a name. */
export function isNamedAfter(base: string, name: string): boolean {
  return name === base || (name.startsWith(`${base}#`) && /^#\d+$/.test(name.slice(base.length)));
}

/**
 * What the files of one rotating capture have in common in their names:
 *   dumpcap, ours      out_00001_20261123140207.pcapng
 *   tcpdump -C, -W     out.pcap, out.pcap1, out.pcap02; logrotate: out.pcap.1
 *   tcpdump -G         a time as strftime writes it: out-2026-11-23_14:02:07.pcap, out-1795442527.pcap
 */
export function rotationName(base: string): string {
  return base
    .replace(/\.gz$/i, '')
    .replace(/_\d{5,}_\d{14}(?=\.|$)/, '')
    .replace(/\d{4}-?\d{2}-?\d{2}(?:[T_.-]?\d{2}[:_.-]?\d{2}(?:[:_.-]?\d{2})?Z?)?|\d{10}(?!\d)/, '')
    .replace(/(\.(?:pcap|pcapng|cap|dump|dmp))\.?\d+$/i, '$1');
}
