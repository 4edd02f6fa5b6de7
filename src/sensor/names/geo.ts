/**
 * Country and autonomous system of global addresses, from .mmdb files. A file that is missing, broken or gone never ends
 * anything: it is a problem that is told, the last good version goes on answering, and a changed file is tried again.
 */
import { stat } from 'node:fs/promises';
import type { GeoFacts } from '../../model/endpoint.ts';
import { LruMap } from '../analysis/bounded-map.ts';
import { type FileVersion, isSameVersion, versionOf } from '../file-version.ts';
import { geoFactsOf } from './geo-entry.ts';
import { GeoError } from './geo-error.ts';
import { damaged, type MmdbFile, openMmdb, unreadable } from './mmdb-file.ts';

/** Answers remembered, about 200 bytes each: a look-up costs a few microseconds and every record of a flow asks. */
const MAX_CACHED = 8192;

interface Database {
  readonly path: string;
  /** The last good version. */
  file?: MmdbFile | undefined;
  /** What was looked at last, good or not; undefined when there was no file. */
  tried?: FileVersion | undefined;
  /** What a person should know and do. */
  problem?: string | undefined;
}

export class GeoDatabases {
  readonly #databases: Database[];
  readonly #cache = new LruMap<{ readonly facts: GeoFacts | undefined }>(MAX_CACHED, () => {});

  /** Reads them all, in the order in which they are asked. */
  constructor(paths: readonly string[]) {
    this.#databases = paths.map((path) => ({ path }));
    for (const database of this.#databases) this.#open(database);
  }

  /** The files in use. */
  get files(): readonly MmdbFile[] {
    return this.#databases.flatMap(({ file }) => file ?? []);
  }

  /** One line for each file that cannot be used, or whose newer version cannot; empty when all is well. */
  problems(): string[] {
    return this.#databases.flatMap(({ problem }) => problem ?? []);
  }

  /** Of several databases that know a fact the first tells it. */
  factsOf(ip: string): GeoFacts | undefined {
    if (this.#databases.length === 0) return undefined;
    return this.#cache.ensure(ip, () => ({ facts: this.#ask(ip) })).facts;
  }

  /** Looks whether a file has changed and takes the new version; costs a stat a file when none has. */
  async refresh(): Promise<void> {
    for (const database of this.#databases) {
      const version = await this.#versionNow(database);
      if (version === undefined || isSameVersion(version, database.tried)) continue;
      database.tried = version;
      this.#open(database);
    }
  }

  async #versionNow(database: Database): Promise<FileVersion | undefined> {
    try {
      return versionOf(await stat(database.path));
    } catch (error) {
      database.problem = problemText(database, unreadable(database.path, error as NodeJS.ErrnoException));
      database.tried = undefined;
      return undefined;
    }
  }

  #open(database: Database): void {
    try {
      const file = openMmdb(database.path);
      database.file = file;
      database.tried = file.version;
      database.problem = undefined;
      this.#cache.clear();
    } catch (error) {
      database.problem = problemText(database, asGeoError(database.path, error));
    }
  }

  #ask(ip: string): GeoFacts | undefined {
    let facts: GeoFacts | undefined;
    for (const database of this.#databases) {
      const more = this.#askOne(database, ip);
      if (more !== undefined) facts = facts === undefined ? more : merged(facts, more);
    }
    return facts;
  }

  #askOne(database: Database, ip: string): GeoFacts | undefined {
    const { file } = database;
    if (file === undefined) return undefined;
    try {
      return geoFactsOf(file.get(ip));
    } catch (error) {
      // Other addresses may still be found; the problem stays until the file is changed.
      const { message } = damaged(database.path, `the entry of ${ip} cannot be read`, error);
      database.problem = `${message} (other addresses are still looked up)`;
      return undefined;
    }
  }
}

function problemText({ file }: Database, { message }: GeoError): string {
  return file === undefined ? message : `${message} (the version of before is still used)`;
}

function merged(first: GeoFacts, more: GeoFacts): GeoFacts {
  return {
    country: first.country ?? more.country,
    asn: first.asn ?? more.asn,
    // A number and a name that do not belong together would be worse than no name.
    asOrganization:
      first.asn === undefined ? (first.asOrganization ?? more.asOrganization) : first.asOrganization,
  };
}

function asGeoError(path: string, error: unknown): GeoError {
  return error instanceof GeoError ? error : damaged(path, String(error), error);
}
