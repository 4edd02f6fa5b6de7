/** A listener that was told, while it is open: who connected to it. A sample of names, whole numbers. */
import type { Endpoint } from '../../../src/model/endpoint.ts';
import type { FlowRecord } from '../../../src/model/flow.ts';

const MAX_SHOWN = 8;

export class Visitors {
  answered = 0;
  fromOutside = 0;
  readonly ends: Endpoint[] = [];

  /** `client`: before translation, where that is known. */
  add(client: Endpoint): void {
    this.answered += 1;
    if (isOutside(client)) this.fromOutside += 1;
    if (this.ends.length < MAX_SHOWN && !this.ends.some(({ ip }) => ip === client.ip)) this.ends.push(client);
  }
}

/** Who really asked. */
export function clientOf({ orig, nat }: FlowRecord): Endpoint {
  return nat?.client ?? orig;
}

function isOutside({ scope }: Endpoint): boolean {
  return scope === 'internet' || scope === 'lan';
}
