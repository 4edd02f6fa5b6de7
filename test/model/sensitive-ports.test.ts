import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ADMIN_PORTS } from '../../analyzers/lib/admin-port-access/admin-ports.ts';
import { SENSITIVE_TCP_PORTS, sensitivePort } from '../../src/model/sensitive-ports.ts';

describe('sensitive ports', () => {
  it.each(['host-service-access', 'published-exposure'])('are those that the page of %s lists', (id) => {
    expect(portsOn(id, 'sensitive and answered is graver|sensitive port that answers')).toEqual(
      sorted(SENSITIVE_TCP_PORTS.keys()),
    );
  });

  it('for administration and data are those that the page of admin-port-access lists', () => {
    expect(portsOn('admin-port-access', 'that containers open to these ports')).toEqual(
      sorted(ADMIN_PORTS.keys()),
    );
  });

  it('of SMB count as files and, where one logs in, as a login', () => {
    expect(sensitivePort('tcp', 445)?.kind).toBe('files');
    expect(ADMIN_PORTS.get(445)?.kind).toBe('login');
    expect(ADMIN_PORTS.has(139)).toBe(false);
  });

  it('are of their own protocol', () => {
    expect(sensitivePort('udp', 11211)?.name).toBe('memcached');
    expect(sensitivePort('udp', 22)).toBeUndefined();
    expect(sensitivePort('sctp', 22)).toBeUndefined();
    expect(sensitivePort('tcp', undefined)).toBeUndefined();
  });
});

/** All numbers in the first column but one of the table that follows these words, where they could be ports. */
function portsOn(id: string, before: string): number[] {
  const page = readFileSync(new URL(`../../docs/analyzers/${id}.md`, import.meta.url), 'utf8');
  const from = page.search(new RegExp(before));
  const rows = /\n\|(?:.*\|\n)+/.exec(page.slice(from))![0];
  return sorted(rows.match(/(?<![\w.])\d{2,5}\b/g)!.map(Number));
}

function sorted(ports: Iterable<number>): number[] {
  return [...new Set(ports)].sort((a, b) => a - b);
}
