/** The options of the sink `webhook`, and what of them does not go together. */
import { z } from 'zod';
import { commonOptions, formatOption } from '../definition.ts';
import { httpTargetOptions, httpTargetProblems, secretText } from '../http-target.ts';
import { BODIES, isJsonType } from './generic.ts';
import { MAX_TEMPLATE_LENGTH, PLACEHOLDERS, templateProblem } from './template.ts';

export const PRESETS = ['generic', 'slack', 'discord', 'ntfy'] as const;

const options = z.strictObject({
  type: z.literal('webhook'),
  ...commonOptions({ includeMuted: false, batchMaxRecords: 100 }),
  preset: z
    .enum(PRESETS)
    .default('generic')
    .describe(
      'Whose form a message has: that of Slack, Discord or ntfy, or `generic`, records in `format` or a `template`.',
    ),
  ...httpTargetOptions('Where to send; of ntfy the address of the topic.'),
  format: formatOption(['native', 'eve', 'ecs', 'ocsf']),
  body: z
    .enum(BODIES)
    .default('object')
    .describe(
      'One record a request (`object`), or a batch in one, as a JSON `array` or a line each (`ndjson`).',
    ),
  template: z
    .string()
    .min(1)
    .max(MAX_TEMPLATE_LENGTH)
    .optional()
    .describe(
      `Body of one's own instead of \`format\`, for findings; replaced are ${PLACEHOLDERS.map((name) => `\`{${name}}\``).join(', ')}.`,
    ),
  content_type: z
    .string()
    .regex(/^[!-~]+\/[ -~]+$/, 'expected a media type, as text/plain')
    .max(200)
    .optional()
    .describe('Content-Type of the body; default by `body`, and `application/json` for a template.'),
  hmac_secret: secretText()
    .optional()
    .describe('Signs each request: `X-Bridgewatch-Signature`, see docs/sinks.md. Better in a file.'),
  hmac_secret_file: z.string().min(1).optional().describe('File that holds that secret.'),
  updates: z
    .enum(['all', 'notable'])
    .optional()
    .describe(
      'Of updates of an open finding: `all`, or those that are `notable`, because severity or kind changed. Default: `all` for `generic`, else `notable`.',
    ),
});

export type WebhookConfig = z.output<typeof options>;

export const webhookConfig = options.superRefine((config, context) => {
  const problem = (option: string, message: string) =>
    context.addIssue({ code: 'custom', path: [option], message });
  const { preset, template, content_type, kinds, body } = config;
  for (const found of httpTargetProblems(config)) problem(found.option, found.problem);
  if (config.hmac_secret !== undefined && config.hmac_secret_file !== undefined)
    problem('hmac_secret', 'hmac_secret and hmac_secret_file exclude each other');
  const isForFindings = preset !== 'generic' || template !== undefined || updatesOf(config) === 'notable';
  if (isForFindings && kinds.some((kind) => kind !== 'finding')) {
    problem('kinds', 'a preset other than generic, a template and `updates: notable` are for findings only');
  }
  if (preset !== 'generic') {
    for (const option of ['template', 'content_type'] as const) {
      if (config[option] !== undefined) problem(option, `the preset ${preset} has a form of its own`);
    }
    if (body !== 'object') problem('body', `the preset ${preset} has a form of its own`);
    if (config.format !== 'native') problem('format', `the preset ${preset} has a form of its own`);
    return;
  }
  if (template === undefined) return;
  if (body !== 'object') problem('body', 'a template is one request a finding');
  const why = templateProblem(template, isJsonType(content_type));
  if (why !== undefined) problem('template', why);
});

export function updatesOf({ updates, preset }: Pick<WebhookConfig, 'updates' | 'preset'>): 'all' | 'notable' {
  return updates ?? (preset === 'generic' ? 'all' : 'notable');
}
