/**
 * The portable backend: npm `cap` for live taps (in a child process), npm `pcap-parser` for files. It serves where
 * our own binding is not built. It knows less; PORTABLE_LIMITS says what, and must be kept true.
 */
export { openPortableFile } from './portable/file.ts';
export { openPortableLive } from './portable/live.ts';
export { portableProblem } from './portable/loads.ts';

/** What an operator gives up with this backend; `doctor` prints it. */
export const PORTABLE_LIMITS: readonly string[] = [
  'No kernel timestamps: a frame is stamped when the capture process sees it, late under load.',
  'No drop counters: frames lost in the kernel are not counted, so no answer about coverage can be whole.',
  'A small kernel buffer: each frame takes a slot of 64 KiB whatever its length, so 8 MiB hold 128; bursts are lost.',
  'No true wire length: a frame longer than 65,535 bytes is cut, and what was cut is not known.',
  'No network namespaces: only interfaces of the namespace that the agent runs in.',
  'Always promiscuous, and an interface that only goes down ends the capture as one that is deleted does.',
  'Ten to twenty times the CPU time a packet of the native backend, and one process more for each tap.',
  'Files: classic pcap with microseconds only; no pcapng, no nanoseconds, no gzip, no stdin, no filter.',
];
