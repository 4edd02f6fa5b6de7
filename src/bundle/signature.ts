/**
 * Ed25519 over the bytes of SHA256SUMS, which names every other file: who holds the public key knows that whoever holds
 * the private one vouched for all of them. `openssl pkeyutl -verify -rawin` checks the same (docs/bundle.md).
 */
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { BundleError } from './error.ts';

export interface Signer {
  /** SPKI, DER, base64. */
  readonly publicKey: string;
  sign(bytes: Buffer): Buffer;
}

/** From a PEM file, as `openssl genpkey -algorithm ed25519` makes it. */
export function readSigner(path: string): Signer {
  const key = readKey(path, '--sign-key', createPrivateKey);
  return { publicKey: spki(createPublicKey(key)), sign: (bytes) => sign(null, bytes, key) };
}

/** From a PEM file, as `openssl pkey -pubout` writes it; in the form in which the manifest has it. */
export function readPublicKey(path: string): string {
  return spki(readKey(path, '--key', createPublicKey));
}

/** `publicKey` is hostile: it stands in the archive. */
export function isSignedBy(publicKey: string, bytes: Buffer, signature: Buffer): boolean {
  try {
    const key = createPublicKey({ key: Buffer.from(publicKey, 'base64'), format: 'der', type: 'spki' });
    return key.asymmetricKeyType === 'ed25519' && verify(null, bytes, key, signature);
  } catch {
    return false;
  }
}

function readKey(path: string, flag: string, parse: (pem: Buffer) => KeyObject): KeyObject {
  let pem: Buffer;
  try {
    pem = readFileSync(path);
  } catch (error) {
    throw new BundleError('BUNDLE_KEY', `cannot read ${flag} ${path}: ${(error as Error).message}`, {
      cause: error,
    });
  }
  try {
    const key = parse(pem);
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch {
    // Whatever OpenSSL says of a key may repeat some of it.
  }
  const made =
    flag === '--key' ? 'openssl pkey -in key.pem -pubout' : 'openssl genpkey -algorithm ed25519 -out key.pem';
  throw new BundleError(
    'BUNDLE_KEY',
    `${flag} ${path} is no Ed25519 key in PEM without a password; make one with: ${made}`,
  );
}

function spki(key: KeyObject): string {
  return key.export({ format: 'der', type: 'spki' }).toString('base64');
}
