/**
 * Where packets that were put aside lie: the folder `evidence` beside the database, two files for each collection, its
 * packets and its facts. A name is made of an id alone, and an id that could be a path is none.
 */
import { mkdirSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Only its owner may read packets, and list whose there are. */
const FOLDER_MODE = 0o700;
export const FILE_MODE = 0o600;

const ID = /^[0-9A-Za-z][0-9A-Za-z_-]{0,99}$/;
const PACKETS = '.pcapng';
const FACTS = '.json';
/** Until it is complete. */
const PART = '.part';

export function evidenceFolder(storePath: string): string {
  return join(dirname(storePath), 'evidence');
}

export function isEvidenceId(text: string): boolean {
  return ID.test(text);
}

/** Every path there can be of one collection. Throws where the id could be a path. */
export class EvidencePaths {
  readonly id: string;
  readonly #folder: string;

  constructor(folder: string, id: string) {
    if (!isEvidenceId(id))
      throw new Error(`an id of evidence is letters and digits, not ${JSON.stringify(id)}`);
    this.#folder = folder;
    this.id = id;
  }

  /** Of the file of packets, as records name it. */
  get name(): string {
    return `${this.id}${PACKETS}`;
  }

  get packets(): string {
    return join(this.#folder, this.name);
  }

  get facts(): string {
    return join(this.#folder, `${this.id}${FACTS}`);
  }

  get packetsPart(): string {
    return this.packets + PART;
  }

  get factsPart(): string {
    return this.facts + PART;
  }
}

export interface FolderContents {
  /** Ids of complete files. */
  readonly whole: ReadonlySet<string>;
  /** Ids of which a part of either file is left. */
  readonly parts: ReadonlySet<string>;
}

export function makeFolder(folder: string): void {
  mkdirSync(folder, { mode: FOLDER_MODE, recursive: true });
}

/** Files of other names are not ours, and left alone. */
export function contentsOf(folder: string): FolderContents {
  const whole = new Set<string>();
  const parts = new Set<string>();
  for (const name of readdirSync(folder)) {
    const isPart = name.endsWith(PART);
    const stem = isPart ? name.slice(0, -PART.length) : name;
    const ending = [PACKETS, FACTS].find((known) => stem.endsWith(known));
    if (ending === undefined || !isEvidenceId(stem.slice(0, -ending.length))) continue;
    const id = stem.slice(0, -ending.length);
    if (isPart) parts.add(id);
    else if (ending === PACKETS) whole.add(id);
  }
  return { whole, parts };
}
