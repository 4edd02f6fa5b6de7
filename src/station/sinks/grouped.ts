/** The items in their order, in groups of at most so many and so big; a group has at least one. */
export function* grouped<T>(
  items: Iterable<T>,
  sizeOf: (item: T) => number,
  max: { readonly items: number; readonly size: number },
): Generator<readonly T[]> {
  let group: T[] = [];
  let size = 0;
  for (const item of items) {
    const itemSize = sizeOf(item);
    if (group.length > 0 && (group.length >= max.items || size + itemSize > max.size)) {
      yield group;
      group = [];
      size = 0;
    }
    group.push(item);
    size += itemSize;
  }
  if (group.length > 0) yield group;
}
