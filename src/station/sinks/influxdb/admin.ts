/**
 * Administration and queries through the `influx` package, whose only importer this is: making the database and its
 * retention policy, and reading back. Its errors hold the request with the password, so none of them leaves this file.
 */
import type { InfluxDB } from 'influx';
import type { Logger } from '../../../telemetry/logger.ts';
import type { InfluxdbConfig } from '../../config.ts';
import { serverWords } from '../server-words.ts';
import { SinkError } from '../sink.ts';
import type { Credentials } from './credentials.ts';

export interface TargetState {
  readonly hasDatabase: boolean;
  /** Undefined when this user may not ask. */
  readonly retentionPolicies: readonly { readonly name: string; readonly duration: string }[] | undefined;
}

interface RawReply {
  readonly results?: readonly {
    readonly series?: readonly {
      readonly name?: string;
      readonly values?: readonly (readonly unknown[])[];
    }[];
  }[];
}

/** The policy that every database has. */
const AUTOGEN = 'autogen';

export class InfluxdbAdmin {
  readonly #client: InfluxDB;
  readonly #config: InfluxdbConfig;
  readonly #endpoint: string;
  readonly #signal: AbortSignal;

  private constructor(client: InfluxDB, config: InfluxdbConfig, endpoint: string, signal: AbortSignal) {
    this.#client = client;
    this.#config = config;
    this.#endpoint = endpoint;
    this.#signal = signal;
  }

  static async open(
    base: URL,
    config: InfluxdbConfig,
    credentials: Credentials | undefined,
    signal: AbortSignal,
  ): Promise<InfluxdbAdmin> {
    const { InfluxDB } = await import('influx');
    const protocol = base.protocol === 'https:' ? 'https' : 'http';
    const client = new InfluxDB({
      host: base.hostname,
      port: Number(base.port || (protocol === 'https' ? 443 : 80)),
      path: base.pathname,
      protocol,
      // Without these two the package sends root:root.
      username: credentials?.username ?? '',
      password: credentials?.password.reveal() ?? '',
      // It takes an IPv6 address apart with its brackets, which node's http does not accept.
      options: { hostname: base.hostname.replace(/^\[|\]$/g, '') },
      pool: { maxRetries: 0, requestTimeout: config.timeout_ms },
    });
    return new InfluxdbAdmin(client, config, base.href.replace(/\/$/, ''), signal);
  }

  async state(): Promise<TargetState> {
    const { database } = this.#config;
    const databases = await this.#ask('SHOW DATABASES', () => this.#client.getDatabaseNames());
    if (!databases.includes(database)) return { hasDatabase: false, retentionPolicies: [] };
    try {
      const policies = await this.#ask('SHOW RETENTION POLICIES', () =>
        this.#client.showRetentionPolicies(database),
      );
      return {
        hasDatabase: true,
        retentionPolicies: policies.map(({ name, duration }) => ({ name, duration })),
      };
    } catch (error) {
      // Needs READ; a user who may only write is the better choice here, so take its word for it.
      if (error instanceof SinkError && error.code === 'SINK_UNAUTHORIZED') {
        return { hasDatabase: true, retentionPolicies: undefined };
      }
      throw error;
    }
  }

  /** What of database and policy would have to be made; refuses when that is not allowed. */
  missing(state: TargetState): { readonly database: boolean; readonly policy: boolean } {
    const { database, retention_policy: policy, create_database: mayCreate } = this.#config;
    const missing = {
      database: !state.hasDatabase,
      // Not allowed to ask: the first write will tell.
      policy:
        policy !== AUTOGEN &&
        state.retentionPolicies !== undefined &&
        !state.retentionPolicies.some(({ name }) => name === policy),
    };
    if (mayCreate || !(missing.database || missing.policy)) return missing;
    const what = missing.database ? `database "${database}"` : `retention policy "${policy}"`;
    throw new SinkError(
      'SINK_NO_TARGET',
      'act',
      `InfluxDB at ${this.#endpoint} has no ${what} and influxdb.create_database is off; create it, or switch that on`,
    );
  }

  /** Makes what is missing; what exists is never changed, it may be someone's decision. */
  async ensureTarget(logger: Logger): Promise<void> {
    const { database, retention_policy: policy, retention_days: days } = this.#config;
    const missing = this.missing(await this.state());
    if (missing.database) {
      await this.createDatabase();
      logger.info({ database }, 'created the InfluxDB database');
    }
    if (!missing.policy) return;
    // Queries that name no policy then find what was written.
    await this.createPolicy(policy, days, true);
    logger.info({ database, retentionPolicy: policy, days }, 'created the InfluxDB retention policy');
  }

  async createDatabase(): Promise<void> {
    const { database } = this.#config;
    await this.#ask(`CREATE DATABASE "${database}"`, () => this.#client.createDatabase(database));
  }

  async createPolicy(name: string, days: number, isDefault: boolean): Promise<void> {
    const { database } = this.#config;
    const options = { database, duration: `${days}d`, replication: 1, isDefault };
    await this.#ask(`CREATE RETENTION POLICY "${name}" ON "${database}"`, () =>
      this.#client.createRetentionPolicy(name, options),
    );
  }

  /** By name, as the server tells them. The package's own question answers for the first database only. */
  async continuousQueries(): Promise<ReadonlyMap<string, string>> {
    const { database } = this.#config;
    const reply = await this.#ask('SHOW CONTINUOUS QUERIES', async () => {
      const raw: RawReply = await this.#client.queryRaw('SHOW CONTINUOUS QUERIES', { database });
      return raw.results?.[0]?.series ?? [];
    });
    const rows = reply.find(({ name }) => name === database)?.values ?? [];
    return new Map(rows.map(([name, text]) => [String(name), String(text)]));
  }

  async createContinuousQuery(name: string, query: string, resample: string): Promise<void> {
    const { database } = this.#config;
    await this.#ask(`CREATE CONTINUOUS QUERY "${name}" ON "${database}"`, () =>
      this.#client.createContinuousQuery(name, query, database, resample),
    );
  }

  /** For reading back: rows of one InfluxQL query, keys as in the query. */
  async query(influxql: string): Promise<readonly Record<string, unknown>[]> {
    return this.#ask('a query', async () => {
      const rows = await this.#client.query<Record<string, unknown>>(influxql, {
        database: this.#config.database,
      });
      return [...(rows as unknown as Record<string, unknown>[])];
    });
  }

  /** Bounded in time: the package waits for ever for an answer that is cut in its middle. */
  async #ask<T>(what: string, work: () => Promise<T>): Promise<T> {
    const timeout = AbortSignal.timeout(this.#config.timeout_ms);
    const ended = AbortSignal.any([this.#signal, timeout]);
    let giveUp = (): void => {};
    const end = new Promise<never>((_, reject) => {
      giveUp = () => {
        const why = timeout.aborted ? `no answer within ${this.#config.timeout_ms} ms` : 'given up';
        reject(new Error(why));
      };
      if (ended.aborted) giveUp();
      else ended.addEventListener('abort', giveUp, { once: true });
    });
    try {
      return await Promise.race([work(), end]);
    } catch (error) {
      throw this.#translate(what, error);
    } finally {
      ended.removeEventListener('abort', giveUp);
    }
  }

  #translate(what: string, error: unknown): SinkError {
    const status = (error as { res?: { statusCode?: number } }).res?.statusCode;
    const words = reasonOf(error);
    const said = `InfluxDB at ${this.#endpoint} refused ${what}: ${words}`;
    const user =
      this.#config.username === undefined ? 'no user is configured' : `user "${this.#config.username}"`;
    const { database } = this.#config;
    if (status === 401) {
      return new SinkError(
        'SINK_UNAUTHORIZED',
        'act',
        `${said} (${user}); check influxdb.username and influxdb.password_file`,
      );
    }
    if (status === 403) {
      return new SinkError(
        'SINK_UNAUTHORIZED',
        'act',
        `${said} (${user}); as an administrator: CREATE DATABASE "${database}"; GRANT ALL ON "${database}" TO "${this.#config.username ?? 'USER'}"`,
      );
    }
    if (status !== undefined && status >= 300 && status < 500) {
      return new SinkError('SINK_NO_TARGET', 'act', `${said}; is influxdb.url the address of InfluxDB 1.x?`);
    }
    // An error inside a 200 answer: the statement itself was refused.
    if (/^Error from InfluxDB/.test(words)) return new SinkError('SINK_NO_TARGET', 'act', said);
    return new SinkError(
      'SINK_UNREACHABLE',
      'wait',
      `cannot reach InfluxDB at ${this.#endpoint} (${what}): ${words}; is it running, and influxdb.url right?`,
    );
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return serverWords(String(error));
  return (error as NodeJS.ErrnoException).code ?? serverWords(error.message);
}
