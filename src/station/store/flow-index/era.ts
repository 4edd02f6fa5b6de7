/**
 * The words of one era, read when they are first needed. Each stands for the flow that has nothing else: what a field of
 * the filter language reads from that, it reads from all flows that have the word. A word's index is its number within
 * the era; 0 is no word.
 */
import type { PublicFlow } from '../../../model/serialize.ts';
import type { End } from '../../../query/ends.ts';
import type { WordColumn } from './layout.ts';

const NOTHING = { kind: 'flow', orig: {}, resp: {} } as unknown as PublicFlow;

export class Era {
  readonly #texts: readonly string[];
  readonly #projects: Int32Array;
  readonly #projectNumbers = new Map<string | undefined, number>([[undefined, 0]]);

  /** `texts`: by index, the first of them of no word. */
  constructor(texts: readonly string[]) {
    this.#texts = texts;
    this.#projects = new Int32Array(texts.length).fill(-1);
  }

  get size(): number {
    return this.#texts.length;
  }

  /** The flow of which nothing is known but that word in that column. */
  flowOf(column: WordColumn, index: number): PublicFlow {
    if (index === 0) return NOTHING;
    const text = this.#texts[index]!;
    switch (column) {
      case 'net':
      case 'facts':
      case 'serverName':
        return { ...NOTHING, ...(JSON.parse(`{${text}}`) as Partial<PublicFlow>) } as PublicFlow;
      case 'orig':
      case 'resp':
        return { ...NOTHING, [column]: endOf(text) } as PublicFlow;
      case 'client':
        return { ...NOTHING, nat: { client: endOf(text) } } as PublicFlow;
    }
  }

  /** The number of an end's Compose project; 0 where it has none. */
  projectOf(end: number): number {
    if (end === 0) return 0;
    const known = this.#projects[end]!;
    if (known >= 0) return known;
    const project = endOf(this.#texts[end]!).workload?.composeProject;
    let number = this.#projectNumbers.get(project);
    if (number === undefined) {
      number = this.#projectNumbers.size;
      this.#projectNumbers.set(project, number);
    }
    this.#projects[end] = number;
    return number;
  }

  /** A network's word together with an end that has nothing but that end's project. */
  flowOfProject(net: number, end: number): PublicFlow {
    const composeProject = end === 0 ? undefined : endOf(this.#texts[end]!).workload?.composeProject;
    return { ...this.flowOf('net', net), orig: { workload: { composeProject } } } as unknown as PublicFlow;
  }
}

function endOf(text: string): End {
  return JSON.parse(`{"ip":"${text}`) as End;
}
