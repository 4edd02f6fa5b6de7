import fs from 'node:fs';

/** Interfaces of this process's own network namespace; /sys shows that of whoever mounted it. */
export function interfaceNames(): string[] {
  return fs
    .readFileSync('/proc/self/net/dev', 'utf8')
    .split('\n')
    .slice(2)
    .map((line) => line.split(':')[0]!.trim())
    .filter((interfaceName) => interfaceName !== '');
}
