/** Every output format, by the name that configuration and API use. To add one: its file, a line here, docs/formats.md. */
import type { RecordKind } from '../../model/record.ts';
import { parseRecord } from '../../model/serialize.ts';
import { cef } from './cef.ts';
import { ecs } from './ecs.ts';
import { eve } from './eve.ts';
import type { Emitter, Format } from './format.ts';
import { native } from './native.ts';
import { ocsf } from './ocsf.ts';

export const FORMAT_NAMES = ['native', 'eve', 'ecs', 'ocsf', 'cef'] as const;
export type FormatName = (typeof FORMAT_NAMES)[number];

export const FORMATS: Readonly<Record<FormatName, Format>> = { native, eve, ecs, ocsf, cef };

/**
 * The line for what an outlet delivers; undefined where the format has no form for it. Parses nothing that it need not:
 * a delivery's text is its native line.
 */
export function formatDelivery(
  name: FormatName,
  delivery: { readonly kind: RecordKind; readonly text: string },
  emitter: Emitter,
): string | undefined {
  if (name === 'native') return delivery.text;
  const format = FORMATS[name];
  return format.carries(delivery.kind) ? format.encode(parseRecord(delivery.text), emitter) : undefined;
}
