/** What becomes of a list, into the log. */
import type { Logger } from '../../telemetry/logger.ts';
import type { ListNews } from './threat-lists.ts';

export function logNews(
  log: Pick<Logger, 'info' | 'warn'>,
  { list, path, loaded, problem, remarks }: ListNews,
): void {
  if (problem !== undefined) log.warn({ list, problem }, 'a threat list cannot be used');
  if (loaded !== undefined) log.info({ list, path, ...loaded }, 'a threat list was read');
  for (const remark of remarks) log.warn({ list, remark }, 'lines of a threat list were passed over');
}
