/** Records as they are, in one of the output formats: one a request, or a batch as an array or as lines. */
import { type PublicFinding, parseRecord } from '../../../model/serialize.ts';
import type { Delivery } from '../../entry.ts';
import type { Emitter } from '../../formats/format.ts';
import { type FormatName, formatDelivery } from '../../formats/formats.ts';
import { SinkError } from '../sink.ts';
import { type Composer, JSON_TYPE } from './outgoing.ts';
import { render } from './template.ts';

export const BODIES = ['object', 'array', 'ndjson'] as const;

export interface GenericOptions {
  readonly format: FormatName;
  readonly body: (typeof BODIES)[number];
  readonly template?: string | undefined;
  readonly content_type?: string | undefined;
}

export function isJsonType(contentType: string | undefined): boolean {
  return contentType === undefined || /^application\/([\w.-]+\+)?json\b/i.test(contentType);
}

export function genericComposer(options: GenericOptions, emitter: Emitter): Composer {
  const { format, body, template, content_type } = options;
  if (template !== undefined) {
    const isJson = isJsonType(content_type);
    return function* (batch) {
      for (const delivery of batch) {
        const finding = parseRecord(delivery.text) as PublicFinding;
        const text = render(template, finding, emitter.host, isJson);
        yield { body: text, contentType: content_type ?? JSON_TYPE, deliveries: [delivery] };
      }
    };
  }
  return function* (batch) {
    const lines = batch.map((delivery) => ({ delivery, line: lineOf(format, delivery, emitter) }));
    const told = lines.filter((entry): entry is Told => entry.line !== undefined);
    if (told.length === 0) return;
    const deliveries = told.map(({ delivery }) => delivery);
    const texts = told.map(({ line }) => line);
    if (body === 'array') {
      yield { body: `[${texts.join(',')}]`, contentType: content_type ?? JSON_TYPE, deliveries };
    } else if (body === 'ndjson') {
      yield {
        body: `${texts.join('\n')}\n`,
        contentType: content_type ?? 'application/x-ndjson',
        deliveries,
      };
    } else {
      for (const { line, delivery } of told)
        yield { body: line, contentType: content_type ?? JSON_TYPE, deliveries: [delivery] };
    }
  };
}

interface Told {
  readonly delivery: Delivery;
  readonly line: string;
}

/** A flow that still runs may have no form yet (docs/formats.md) and comes again; a finding must not go in silence. */
function lineOf(format: FormatName, delivery: Delivery, emitter: Emitter): string | undefined {
  const line = formatDelivery(format, delivery, emitter);
  if (line === undefined && delivery.kind === 'finding') {
    throw new SinkError(
      'SINK_REJECTED',
      'split',
      `this finding has no form in ${format}: its time cannot be written`,
    );
  }
  return line;
}
