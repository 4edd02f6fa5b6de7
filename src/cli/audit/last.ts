/** For `doctor`: when the agent that runs audited the host last, and what it could not see then, in its own words. */
import type { Diagnosis } from '../../model/diagnosis.ts';
import type { PublicAuditRun } from '../../model/serialize.ts';
import { MICROS_PER_SECOND, type Micros, parseMicros, spanText, wallMicros } from '../../model/time.ts';
import type { AuditConfig } from '../../sensor/audit/config.ts';
import { AgentClientError, agentRequest } from '../lib/agent-client.ts';
import { failuresText } from './run-text.ts';

const HOUR: Micros = 3600 * MICROS_PER_SECOND;
/** So much later than it should be one is missing, rather than late. */
const LATE = 1.5;
const NAMED_REASONS = 3;

export async function diagnoseLastAudit(storePath: string, config: AuditConfig): Promise<Diagnosis> {
  const check = 'last audit';
  if (!config.enabled) return { check, outcome: 'ok', detail: 'off: audit.enabled is false' };
  const { status, json } = await agentRequest(storePath, 'GET', '/api/v1/audit');
  if (status === 404)
    return { check, outcome: 'ok', detail: 'none yet: the first is made when the inventory has settled' };
  if (status !== 200)
    throw new AgentClientError(
      'AGENT_NONSENSE',
      `the agent answered ${status} when asked for its last audit`,
    );
  return diagnoseAudit(json as PublicAuditRun, config, wallMicros());
}

export function diagnoseAudit(
  audit: PublicAuditRun,
  { every_hours: everyHours }: Pick<AuditConfig, 'every_hours'>,
  now: Micros,
): Diagnosis {
  const check = 'last audit';
  const age = Math.max(0, now - (parseMicros(audit.time) ?? now));
  const detail = `${spanText(age)} ago: ${failuresText(audit)}`;
  if (age > LATE * everyHours * HOUR) {
    const advice = 'the log of the agent says why; audit.every_hours is how often there should be one';
    return { check, outcome: 'warn', detail: `${detail}; another should have followed`, advice };
  }
  if (audit.unknown.length === 0) return { check, outcome: 'ok', detail };
  const reasons = audit.unknown
    .slice(0, NAMED_REASONS)
    .map(({ checks, reason }) => `${checks.join(', ')}: ${reason}`);
  const more = audit.unknown.length - reasons.length;
  return {
    check,
    outcome: 'warn',
    detail: `${detail}. It could not see all: ${reasons.join(' ')}${more > 0 ? ` And ${more} more.` : ''}`,
    advice: 'bridgewatch audit says what would open each',
  };
}
