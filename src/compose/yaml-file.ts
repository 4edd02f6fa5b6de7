/**
 * YAML text to trees, one for each document in it, with variables put in. Aliases, merge keys (`<<`) and Compose's tags
 * are followed here; all else that YAML can do and Compose does not is refused or remarked. Whatever the text, it ends
 * soon, and nothing but a ComposeError is thrown.
 */
import { createRequire } from 'node:module';
import type { Document, LineCounter, Node, Pair, YAMLMap } from 'yaml';
import { type InterpolateOptions, interpolate, type Lookup } from './interpolate.ts';
import { MAX_DEPTH } from './limits.ts';
import { invalid, type Place, type Remark, tooLarge } from './problem.ts';
import { dict, type Entry, type Item, list, scalar } from './tree.ts';

/** Loaded with the first file: most commands run without one. */
const loadYaml = (): typeof import('yaml') => createRequire(import.meta.url)('yaml');

export interface ReadYamlOptions extends InterpolateOptions {
  readonly lookup: Lookup;
  /** Called with the values of each node, as it is read; throws where they come to too much. */
  readonly count: (size: number, place: Place) => void;
  readonly remark: (remark: Remark) => void;
}

/** A file holds one document as a rule; several count as files that are merged in their order. */
export function readYaml(text: string, file: string, options: ReadYamlOptions): Item[] {
  const { LineCounter, parseAllDocuments } = loadYaml();
  const lines = new LineCounter();
  let documents: readonly Document[];
  try {
    // Keys that stand twice are found below: the library compares each with each.
    const parsed = parseAllDocuments(text, { lineCounter: lines, uniqueKeys: false, prettyErrors: false });
    documents = Array.isArray(parsed) ? parsed : [];
  } catch (error) {
    // Its composer is recursive, and ends so where brackets are nested some thousand deep.
    if (error instanceof RangeError)
      throw tooLarge(`nested deeper than ${MAX_DEPTH}`, { file, line: 1, column: 1 });
    throw error;
  }
  return documents.flatMap((document) => {
    const problem = document.errors[0];
    const reader = new DocumentReader(file, lines, options);
    // The library's words may quote the file, which need not be anybody's Compose file: its codes do not.
    if (problem !== undefined)
      throw invalid(`not valid YAML: ${wordsOf(problem.code)}`, reader.place(problem.pos[0]));
    return document.contents === null ? [] : [reader.item(document.contents as Node, 0)];
  });
}

class DocumentReader {
  readonly #file: string;
  readonly #lines: LineCounter;
  readonly #options: ReadYamlOptions;
  /** Aliases name what stands before them, and the last of a name: reading in the file's order finds just that. */
  readonly #anchors = new Map<string, Item>();

  constructor(file: string, lines: LineCounter, options: ReadYamlOptions) {
    this.#file = file;
    this.#lines = lines;
    this.#options = options;
  }

  place(offset: number): Place {
    const { line, col } = this.#lines.linePos(offset);
    return { file: this.#file, line: Math.max(1, line), column: Math.max(1, col) };
  }

  item(node: Node, depth: number): Item {
    const place = this.place(node.range?.[0] ?? 0);
    if (depth > MAX_DEPTH) throw tooLarge(`nested deeper than ${MAX_DEPTH}`, place);
    const item = this.#read(node, place, depth);
    const anchor = 'anchor' in node ? node.anchor : undefined;
    if (anchor !== undefined) this.#anchors.set(anchor, item);
    return item;
  }

  #read(node: Node, place: Place, depth: number): Item {
    const { isAlias, isMap, isScalar, isSeq } = loadYaml();
    if (isAlias(node)) {
      const named = this.#anchors.get(node.source);
      if (named === undefined) throw invalid('an alias (*name) that no anchor (&name) before it has', place);
      this.#options.count(named.size, place);
      return named;
    }
    this.#options.count(1, place);
    const tag = this.#tagOf(node, place);
    if (isMap(node)) return dict(this.#entries(node, depth), place, tag);
    if (isSeq(node)) {
      return list(
        node.items.map((child) => this.item(child as Node, depth + 1)),
        place,
        tag,
      );
    }
    if (!isScalar(node)) throw invalid('neither a mapping, a list nor a value', place);
    const { value } = node;
    if (typeof value === 'string') {
      // What a tag that the library does not know stands before is read as a text; under ours it says nothing.
      if (tag === '!reset') return scalar(null, place, [], tag);
      const { text, unset, blank } = interpolate(value, this.#options.lookup, place, this.#options);
      for (const name of blank) {
        this.#options.remark({ text: `the variable ${name} is not set, and nothing stands for it`, place });
      }
      return scalar(text, place, unset, tag);
    }
    if (typeof value === 'number' || typeof value === 'boolean' || value === null) {
      return scalar(value, place, [], tag);
    }
    return scalar(String(value), place, [], tag);
  }

  #entries(map: YAMLMap, depth: number): Map<string, Entry> {
    const own = new Map<string, Entry>();
    const merged: Item[] = [];
    for (const pair of map.items as Pair<Node, Node | null>[]) {
      const { key, at } = this.#key(pair.key);
      const value = pair.value === null ? scalar(null, at) : this.item(pair.value, depth + 1);
      if (key === '<<') merged.push(value);
      else if (own.has(key)) throw invalid('a key that stands here twice; keep one of them', at);
      else own.set(key, { at, value });
    }
    for (const item of merged) this.#mergeKeys(own, item);
    return own;
  }

  #key(node: Node): { readonly key: string; readonly at: Place } {
    const { isScalar } = loadYaml();
    const at = this.place(node?.range?.[0] ?? 0);
    if (!isScalar(node)) throw invalid('a key must be a plain text', at);
    if (node.value === null) throw invalid('a value without a key', at);
    return { key: typeof node.value === 'string' ? node.value : (node.source ?? String(node.value)), at };
  }

  /** What stands here already counts before what is merged in, and the first of several before the next. */
  #mergeKeys(own: Map<string, Entry>, item: Item): void {
    const sources = item.kind === 'list' ? item.items : [item];
    for (const source of sources) {
      if (source.kind !== 'dict') throw invalid('<< takes a mapping, or a list of them', source.place);
      for (const [key, entry] of source.entries) if (!own.has(key)) own.set(key, entry);
    }
  }

  /** Known ones of YAML itself are resolved by now; of the rest only two mean anything to Compose. */
  #tagOf(node: Node, place: Place): '!reset' | '!override' | undefined {
    const tag = 'tag' in node ? node.tag : undefined;
    if (tag === undefined || tag.startsWith('tag:yaml.org,')) return undefined;
    if (tag === '!reset' || tag === '!override') return tag;
    this.#options.remark({
      text: 'a tag that Compose does not have: the value is read as if it had none',
      place,
    });
    return undefined;
  }
}

/** `BAD_INDENT` -> `bad indent`. */
function wordsOf(code: string): string {
  return code.toLowerCase().replaceAll('_', ' ');
}
