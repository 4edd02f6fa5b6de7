/**
 * The files of a project as one tree: each with its variables put in and what its services extend, then one over another,
 * then what is included. Relative paths in a file count from the folder that is kept for it here.
 */
import { dirname, isAbsolute, join } from 'node:path';
import { withEnvFiles } from './environment.ts';
import type { InterpolateOptions, Lookup } from './interpolate.ts';
import { MAX_CHAIN, MAX_NODES } from './limits.ts';
import { mergeFiles, mergeItems, withoutResets } from './merge.ts';
import { invalid, type Place, type Remark, tooLarge } from './problem.ts';
import type { ProjectFiles } from './project-files.ts';
import { type Dict, dict, type Entry, get, type Item, isNull, isSame, textOf } from './tree.ts';
import { attribute, itemsAt, textAt, textsAt } from './values.ts';
import { readYaml } from './yaml-file.ts';

export interface TreeOptions extends InterpolateOptions {
  readonly remark: (remark: Remark) => void;
}

interface Level {
  readonly paths: readonly string[];
  readonly folder: string;
  readonly lookup: Lookup;
  /** Files that led here, by include. */
  readonly chain: readonly string[];
}

const SECTIONS = ['services', 'networks', 'volumes', 'secrets', 'configs', 'models'] as const;

export class TreeLoader {
  readonly #files: ProjectFiles;
  readonly #options: TreeOptions;
  readonly #folders = new Map<string, string>();
  /** A file that many services extend is read once. */
  readonly #layersOf = new Map<Lookup, Map<string, Dict[]>>();
  #read = 0;
  /** Of services after what they extend: each may bring all of another in. */
  #extended = 0;

  constructor(files: ProjectFiles, options: TreeOptions) {
    this.#files = files;
    this.#options = options;
  }

  /** All that were read, in their order. */
  get paths(): readonly string[] {
    return [...this.#folders.keys()];
  }

  /** From where the relative paths of what stands there count. */
  folderOf({ file }: Place): string {
    return this.#folders.get(file) ?? dirname(file);
  }

  load(paths: readonly string[], folder: string, lookup: Lookup): Dict {
    return this.#level({ paths, folder, lookup, chain: [] });
  }

  #level(level: Level): Dict {
    let merged: Dict = dict(new Map(), { file: level.paths[0]!, line: 1, column: 1 });
    for (const path of level.paths) {
      for (const layer of this.#layers(path, level.folder, level.lookup)) {
        merged = mergeFiles(merged, this.#withExtends(layer, path, level.lookup, merged));
      }
    }
    const tree = withoutResets(merged) as Dict;
    return itemsAt(tree, 'include').reduce<Dict>((into, item) => this.#withIncluded(into, item, level), tree);
  }

  #layers(path: string, folder: string, lookup: Lookup, askedAt?: Place): Dict[] {
    const byPath = this.#layersOf.get(lookup) ?? new Map<string, Dict[]>();
    this.#layersOf.set(lookup, byPath);
    const known = byPath.get(path);
    if (known !== undefined) return known;
    const text = this.#files.read(path, askedAt);
    if (!this.#folders.has(path)) this.#folders.set(path, folder);
    const documents = readYaml(text, path, {
      ...{ ...this.#options, lookup },
      count: (size, place) => {
        this.#read += size;
        if (this.#read > MAX_NODES) {
          throw tooLarge(`more than ${MAX_NODES} values in all, those of aliases counted`, place);
        }
      },
    });
    const layers = documents.flatMap((item) => {
      if (isNull(item)) return [];
      if (item.kind !== 'dict')
        throw invalid('no Compose file: it ought to be a mapping with services', item.place);
      return [item];
    });
    byPath.set(path, layers);
    return layers;
  }

  /** `before`: what files before this one have said, where a service of theirs is extended. */
  #withExtends(layer: Dict, path: string, lookup: Lookup, before: Item): Dict {
    const services = attribute(layer, 'services');
    if (services === undefined) return layer;
    if (services.kind !== 'dict') throw invalid('services ought to be a mapping', services.place);
    if (![...services.entries.values()].some(({ value }) => get(value, 'extends') !== undefined))
      return layer;
    const resolved = new Map<string, Item>();
    const entries = new Map<string, Entry>();
    const scope = { services, path, lookup, before, resolved };
    for (const [name, { at, value }] of services.entries) {
      entries.set(name, { at, value: this.#resolve(name, value, scope, []) });
    }
    const whole = new Map(layer.entries);
    whole.set('services', {
      at: layer.entries.get('services')!.at,
      value: dict(entries, services.place, services.tag),
    });
    return dict(whole, layer.place, layer.tag);
  }

  #resolve(name: string, service: Item, scope: ExtendsScope, chain: readonly string[]): Item {
    const known = scope.resolved.get(name);
    if (known !== undefined) return known;
    const extend = attribute(service, 'extends');
    if (extend === undefined || service.kind !== 'dict') return service;
    const step = `${scope.path} ${name}`;
    if (chain.includes(step)) throw invalid(`the service ${name} extends itself, over others`, extend.place);
    if (chain.length >= MAX_CHAIN)
      throw tooLarge(`services that extend each other, more than ${MAX_CHAIN} deep`, extend.place);
    const base = this.#base(extend, scope, [...chain, step]);
    const own = new Map(service.entries);
    own.delete('extends');
    const merged = mergeItems(base, dict(own, service.place, service.tag), ['services', name]);
    this.#extended += merged.size;
    if (this.#extended > 4 * MAX_NODES)
      throw tooLarge('services that extend each other come to too much', extend.place);
    scope.resolved.set(name, merged);
    return merged;
  }

  #base(extend: Item, scope: ExtendsScope, chain: readonly string[]): Item {
    const name = extend.kind === 'dict' ? textAt(extend, 'service') : textOf(extend);
    if (name === undefined || name === '') throw invalid('extends needs the name of a service', extend.place);
    const file = extend.kind === 'dict' ? textAt(extend, 'file') : undefined;
    if (file === undefined || file === '') {
      const here = scope.services.entries.get(name)?.value ?? get(attribute(scope.before, 'services'), name);
      if (here === undefined)
        throw invalid(`extends the service ${name}, which is not in this file`, extend.place);
      return this.#resolve(name, here, scope, chain);
    }
    refuseRemote(file, 'extends', extend.place);
    const path = isAbsolute(file) ? file : join(dirname(scope.path), file);
    const layers = this.#layers(path, dirname(path), scope.lookup, extend.place);
    const services = layers.reduce<Item | undefined>(
      (sum, layer) => (sum === undefined ? layer : mergeItems(sum, layer)),
      undefined,
    );
    const there = attribute(services, 'services');
    const found = get(there, name);
    if (there?.kind !== 'dict' || found === undefined) {
      throw invalid(`extends the service ${name}, which is not in ${path}`, extend.place);
    }
    const inner: ExtendsScope = {
      ...{ services: there, path, lookup: scope.lookup },
      ...{ before: dict(new Map(), there.place), resolved: new Map() },
    };
    return this.#resolve(name, found, inner, chain);
  }

  /** A project of its own, whose parts are put beside ours: the same name with other words is an error. */
  #withIncluded(tree: Dict, item: Item, { folder, lookup, chain }: Level): Dict {
    const named = item.kind === 'dict' ? textsAt(item, 'path', true) : [textOf(item) ?? ''];
    if (named.length === 0 || named.includes(''))
      throw invalid('include needs the path of a file', item.place);
    const inFolder = (path: string) => (isAbsolute(path) ? path : join(folder, path));
    for (const path of named) refuseRemote(path, 'include', item.place);
    const paths = named.map(inFolder);
    const again = paths.find((path) => chain.includes(path));
    if (again !== undefined) throw invalid(`${again} includes itself, over others`, item.place);
    if (chain.length >= MAX_CHAIN)
      throw tooLarge(`files that include each other, more than ${MAX_CHAIN} deep`, item.place);
    const own = item.kind === 'dict' ? textAt(item, 'project_directory') : undefined;
    const itsFolder = own === undefined ? dirname(paths[0]!) : inFolder(own);
    const envFiles = item.kind === 'dict' ? textsAt(item, 'env_file', true).map(inFolder) : [];
    const variables = withEnvFiles(
      lookup,
      itsFolder,
      envFiles.length === 0 ? undefined : envFiles,
      this.#files,
    );
    // Read here for the place that asks for it, where it cannot be read.
    for (const path of paths) this.#files.read(path, item.place);
    const included = this.#level({
      paths,
      folder: itsFolder,
      lookup: variables,
      chain: [...chain, ...paths],
    });
    const entries = new Map(tree.entries);
    for (const section of SECTIONS) {
      const theirs = attribute(included, section);
      if (theirs?.kind !== 'dict') continue;
      const ours = attribute(tree, section);
      const together = new Map(ours?.kind === 'dict' ? ours.entries : []);
      for (const [name, entry] of theirs.entries) {
        const same = together.get(name);
        if (same !== undefined && !isSame(same.value, entry.value)) {
          throw invalid(
            `${section}.${name} is declared here, and otherwise in a file that is included: rename one, or put the changes in a second path of the include`,
            same.at,
          );
        }
        together.set(name, same ?? entry);
      }
      entries.set(section, { at: theirs.place, value: dict(together, theirs.place) });
    }
    return dict(entries, tree.place);
  }
}

interface ExtendsScope {
  readonly services: Dict;
  readonly path: string;
  readonly lookup: Lookup;
  readonly before: Item;
  readonly resolved: Map<string, Item>;
}

function refuseRemote(path: string, what: string, place: Place): void {
  if (/^(?:oci|https?|git|ssh):|^git@|^github\.com\/|\.git(?:#|$)/.test(path)) {
    throw invalid(
      `${what} of what is not on this host: nothing is fetched; fetch it, and name the file`,
      place,
    );
  }
}
