import type { Operation } from './operation.ts';

/** What may be done at a path, by the declarations; empty where nothing is. */
export function allowedMethods(operations: readonly Operation[], path: string): string[] {
  const methods = operations
    .filter((declared) => isAt(declared.path, path))
    .map(({ method }) => method.toUpperCase());
  if (methods.length === 0) return [];
  return [...new Set([...methods, ...(methods.includes('GET') ? ['HEAD'] : []), 'OPTIONS'])].sort();
}

function isAt(template: string, path: string): boolean {
  const wanted = template.split('/');
  const given = path.split('/');
  return (
    wanted.length === given.length &&
    wanted.every((part, i) => (part.startsWith('{') ? given[i] !== '' : part === given[i]))
  );
}
