/** `volumes:` in both forms: what of the host a service sees. */
import { isAbsolute, join } from 'node:path';
import type { ComposeMount } from './model.ts';
import { invalid, type Place } from './problem.ts';
import { type Item, kindText, textOf } from './tree.ts';
import { attribute, flagAt, itemsAt, textAt } from './values.ts';

/** `folderOf`: from where the relative paths of a file count. One place in the container holds one thing: the later one. */
export function readMounts(service: Item, folderOf: (place: Place) => string): ComposeMount[] {
  const byTarget = new Map<string, ComposeMount>();
  for (const item of itemsAt(service, 'volumes')) {
    const mount = item.kind === 'dict' ? longForm(item) : shortForm(item);
    if (mount === undefined) continue;
    const isRelative = mount.type === 'bind' && !isAbsolute(mount.source) && !mount.source.startsWith('~');
    const source = isRelative ? join(folderOf(item.place), mount.source) : mount.source;
    byTarget.set(mount.target, { ...mount, source });
  }
  return [...byTarget.values()];
}

/** `[SOURCE:]TARGET[:MODE]`; a source that is a path is of the host, another one names a volume. */
function shortForm(item: Item): ComposeMount | undefined {
  const text = textOf(item);
  if (text === undefined) throw invalid(`a volume is a text or a mapping, not ${kindText(item)}`, item.place);
  if (text === '') return undefined;
  const parts = text.split(':');
  if (parts.length > 3) throw invalid('no volume as Compose writes one: [SOURCE:]TARGET[:MODE]', item.place);
  const [source, target, mode = ''] = parts.length === 1 ? ['', parts[0]!] : parts;
  if (target === undefined || target === '') throw invalid('a volume needs its target', item.place);
  return {
    type: /^[./~]/.test(source!) ? 'bind' : 'volume',
    ...{ source: source!, target, isReadOnly: mode.split(',').includes('ro') },
  };
}

function longForm(item: Item): ComposeMount {
  const target = textAt(item, 'target');
  const type = textAt(item, 'type');
  if (target === undefined && type !== 'cluster') throw invalid('a volume needs its target', item.place);
  const source = attribute(item, 'source') === undefined ? '' : (textAt(item, 'source') ?? '');
  return {
    type: type ?? 'volume',
    ...{ source, target: target ?? '', isReadOnly: flagAt(item, 'read_only') === true },
  };
}
