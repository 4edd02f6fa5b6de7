/** InfluxDB 1.x: `/write`, Basic authentication, databases with retention policies. */

import { InfluxdbAdmin } from './admin.ts';
import { readCredentials } from './credentials.ts';
import type { Dialect } from './dialect.ts';
import { ping, type Session } from './dialect.ts';
import { v1Endpoint } from './endpoint.ts';
import { writeFailure } from './reply.ts';

export const v1: Dialect = {
  endpoint: v1Endpoint,
  takesText: true,
  failure: writeFailure,

  async check(session) {
    const { database, retention_policy: policy } = session.config;
    const version = await ping(session, '1');
    const admin = await adminOf(session);
    const state = await admin.state();
    const missing = admin.missing(state);
    const target = `InfluxDB ${version}: database "${database}", retention policy "${policy}"`;
    if (missing.database || missing.policy) return `${target}; what is missing will be created on start`;
    const refusal = writeFailure(await session.writeNothing(), session.endpoint, 0);
    if (refusal !== undefined) throw refusal;
    const duration = state.retentionPolicies?.find(({ name }) => name === policy)?.duration;
    if (duration === undefined) return target;
    return `${target}, kept ${duration === '0s' ? 'for ever' : duration}`;
  },

  async prepare(session) {
    await ping(session, '1');
    const admin = await adminOf(session);
    await admin.ensureTarget(session.logger);
  },
};

export function adminOf({ base, config, signal }: Session): Promise<InfluxdbAdmin> {
  return InfluxdbAdmin.open(base, config, readCredentials(config), signal);
}
