/**
 * From an entry of a .mmdb file to facts. Each publisher has a layout of its own; what is none of the known ones, or is
 * not of the expected type, is left out.
 */
import type { GeoFacts } from '../../model/endpoint.ts';

const MAX_ORGANIZATION = 100;

type Fields = Readonly<Record<string, unknown>>;

export function geoFactsOf(entry: unknown): GeoFacts | undefined {
  const fields = fieldsOf(entry);
  if (fields === undefined) return undefined;
  const country = countryOf(fields);
  const asn = asnOf(fields);
  const asOrganization = organizationOf(fields);
  if (country === undefined && asn === undefined && asOrganization === undefined) return undefined;
  return { country, asn, asOrganization };
}

/** MaxMind and DB-IP: `country.iso_code`; ip-location-db and IPinfo: `country_code`; older IPinfo: `country`. */
function countryOf(fields: Fields): string | undefined {
  const { country, country_code: flat } = fields;
  const code = fieldsOf(country)?.['iso_code'] ?? flat ?? country;
  if (typeof code !== 'string') return undefined;
  const upper = code.toUpperCase();
  return /^[A-Z]{2}$/.test(upper) ? upper : undefined;
}

/** MaxMind, DB-IP, ip-location-db: a number; IPinfo: `AS64500`. */
function asnOf({ autonomous_system_number: number, asn }: Fields): number | undefined {
  const value = number ?? asn;
  const parsed = typeof value === 'string' && /^AS\d{1,10}$/i.test(value) ? Number(value.slice(2)) : value;
  return typeof parsed === 'number' && Number.isInteger(parsed) && parsed > 0 ? parsed : undefined;
}

function organizationOf({ autonomous_system_organization: organization, as_name: name }: Fields) {
  const value = organization ?? name;
  return typeof value === 'string' && value !== '' ? value.slice(0, MAX_ORGANIZATION) : undefined;
}

function fieldsOf(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}
