/**
 * An image whose only program says a label of its own in each of its packets (speaker.c): who really sent what is then
 * known from the packets alone, without any of the agent's code.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { importRoot } from './images.ts';
import type { Lab } from './lab.ts';
import { run } from './run.ts';

export const SPEAKER_IMAGE = 'bwlab/speaker:1';
/** Where `speaker listen` answers. */
export const SPEAKER_PORT = 7000;
export const SPEAKER_PROGRAMS = ['gcc', 'tcpdump'];

/** Builds the program (the answer is its path, the same in the lab's host) and the image that holds it alone. */
export async function importSpeaker(lab: Lab): Promise<string> {
  const root = join(lab.dir, 'speaker-root');
  mkdirSync(root);
  const program = join(lab.dir, 'speaker');
  const source = fileURLToPath(new URL('speaker.c', import.meta.url));
  // Static: glibc's libc.a comes with the headers that gcc needs anyway.
  await run(['gcc', '-static', '-O1', '-Wall', '-Wextra', '-Werror', '-o', program, source]);
  await run(['cp', program, join(root, 'speaker')]);
  await importRoot(lab, root, SPEAKER_IMAGE, ['ENTRYPOINT ["/speaker"]']);
  return program;
}
