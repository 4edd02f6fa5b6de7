/** A configuration that can be shown to others: everything in it but what lets somebody in. */
import { Secret } from '../station/secret.ts';

/** Passwords, tokens, headers, addresses that are secrets; and what addresses of others carry with them. */
export function withoutSecrets(value: unknown): unknown {
  if (value instanceof Secret) return '(left out)';
  if (typeof value === 'string') return withoutCredentials(value);
  if (Array.isArray(value)) return value.map(withoutSecrets);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, withoutSecrets(part)]));
}

const USER_OF_ADDRESS = /([a-z][a-z0-9+.-]*:\/\/)[^\s/?#]*@/gi;
const QUERY_OF_ADDRESS = /([a-z][a-z0-9+.-]*:\/\/[^\s?#]*)[?#]\S*/gi;

/** `http://user:password@host/?token=x` keeps its host and path. */
function withoutCredentials(text: string): string {
  return text.replaceAll(USER_OF_ADDRESS, '$1').replaceAll(QUERY_OF_ADDRESS, '$1');
}
