/** An authority of its own, a server's and a client's certificate, made by openssl in a directory of the test. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const OPENSSL_MISSING = ((): string | undefined => {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'openssl is not installed';
  }
})();

export interface Certificates {
  path(name: string): string;
  read(name: string): Buffer;
  copy(from: string, to: string): void;
}

export function makeCertificates(
  directory: string,
  { serverName }: { readonly serverName: string },
): Certificates {
  const path = (name: string) => join(directory, name);
  const openssl = (...args: readonly string[]) =>
    execFileSync('openssl', [...args], { stdio: 'pipe', cwd: directory });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl(
    'req',
    '-x509',
    ...newKey,
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
    '-days',
    '2',
    '-subj',
    '/CN=test authority',
  );
  for (const [name, common] of [
    ['server', serverName],
    ['client', 'bridgewatch'],
  ] as const) {
    openssl('req', ...newKey, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${common}`);
    writeFileSync(path(`${name}.ext`), `subjectAltName=DNS:${common}\n`);
    openssl(
      ...['x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial'],
      ...['-days', '2', '-extfile', `${name}.ext`, '-out', `${name}.pem`],
    );
  }
  return {
    path,
    read: (name) => readFileSync(path(name)),
    copy: (from, to) => copyFileSync(path(from), path(to)),
  };
}
