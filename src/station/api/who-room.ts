/** Who held which address then, and which networks there were: `who` of the command line, over HTTP. */
import { z } from 'zod';
import { formatIp, parseIp } from '../../model/ip.ts';
import { formatMicros, type Micros } from '../../model/time.ts';
import { operation, recordRef, serve } from './operation.ts';
import { at, subjectWord, timeOf } from './parameters.ts';
import { ApiProblem } from './problem.ts';
import type { Doubt } from './question.ts';
import { JSON_TYPE, jsonAnswer } from './record-answer.ts';
import type { ApiApp, RoomDeps } from './routes.ts';

const TIME = { type: 'string', description: 'RFC 3339, UTC, with microseconds.' };
/** Of both answers: how far it can be believed. */
const DOUBT = {
  at: { ...TIME, description: 'The moment that is told of.' },
  watched: {
    type: 'boolean',
    description: 'Whether an agent was told of changes then. If not, who is missing may have been there.',
  },
  gap: {
    type: 'object',
    properties: {
      since: { ...TIME, description: 'Absent when nobody had watched before.' },
      until: { ...TIME, description: 'Absent while it lasts.' },
    },
    additionalProperties: false,
    description: 'The time in which nobody watched; absent when `watched`.',
  },
  knownUntil: {
    ...TIME,
    description:
      'Leases without an end are known to have been held until then, no longer; absent while an agent watches.',
  },
};

const getInventory = operation({
  method: 'get',
  path: '/api/v1/inventory',
  id: 'getInventory',
  summary: 'The networks of a moment, and who held which address on them.',
  query: z.strictObject({ at }),
  answers: {
    200: {
      description: 'What is on record of that moment.',
      content: {
        [JSON_TYPE]: {
          type: 'object',
          properties: {
            ...DOUBT,
            networks: {
              type: 'array',
              items: recordRef('inventory'),
              description: 'As they were told last.',
            },
            leases: {
              type: 'array',
              items: recordRef('lease'),
              description: 'The oldest first. `uncertain` in one: its beginning or end was not observed.',
            },
            isCut: { type: 'boolean', description: 'There were more leases than the 10,000 told here.' },
          },
          required: ['at', 'watched', 'networks', 'leases', 'isCut'],
          additionalProperties: false,
        },
      },
    },
  },
});

const getHolders = operation({
  method: 'get',
  path: '/api/v1/leases',
  id: 'getHolders',
  summary: 'Who held an address, a MAC, or what a container held, at a moment.',
  query: z.strictObject({
    ip: subjectWord.describe('IPv4 or IPv6.'),
    mac: subjectWord.describe('As 02:42:ac:13:00:03.'),
    container: subjectWord.describe('Label, name, Compose service, or the beginning of an id.'),
    network: subjectWord.describe('Name of the Docker network, or the beginning of its id.'),
    at,
  }),
  answers: {
    200: {
      description: 'Who it was; nobody, one, or several, of which none is picked.',
      content: {
        [JSON_TYPE]: {
          type: 'object',
          properties: {
            ...DOUBT,
            holders: { type: 'array', items: recordRef('lease'), description: 'The oldest first.' },
            containers: {
              type: 'integer',
              description:
                'How many containers they are: more than one, and an address alone does not say who it was.',
            },
            before: {
              ...recordRef('lease'),
              description: 'Who held it last before; only where nobody held it then.',
            },
            after: {
              ...recordRef('lease'),
              description: 'Who held it first later; only where nobody held it then.',
            },
          },
          required: ['at', 'watched', 'holders', 'containers'],
          additionalProperties: false,
        },
      },
    },
  },
});

export const whoOperations = [getInventory, getHolders];

export function whoRoom(app: ApiApp, { questions, now }: RoomDeps): void {
  serve(app, getInventory, async ({ query }) => {
    const asked = now();
    const then = timeOf(query.at, 'at', asked) ?? asked;
    const { networks, leases, isCut, ...doubt } = await questions.ask({
      type: 'inventory',
      at: then,
      now: asked,
    });
    return jsonAnswer(
      `{${doubtText(then, doubt)},"networks":[${networks.join(',')}],"leases":[${leases.join(',')}],"isCut":${isCut}}`,
    );
  });
  serve(app, getHolders, async ({ query: { at: time, ...asked } }) => {
    const subject = { ...asked, ip: ipOf(asked.ip), mac: macOf(asked.mac) };
    if (subject.ip === undefined && subject.mac === undefined && subject.container === undefined)
      throw new ApiProblem(400, 'who? give ip, mac or container; /api/v1/inventory tells of everybody');
    const clock = now();
    const then = timeOf(time, 'at', clock) ?? clock;
    const found = await questions.ask({ type: 'holders', subject, at: then, now: clock });
    const near = (['before', 'after'] as const)
      .filter((side) => found[side] !== undefined)
      .map((side) => `,"${side}":${found[side]}`);
    return jsonAnswer(
      `{${doubtText(then, found)},"holders":[${found.holders.join(',')}],"containers":${found.containers}${near.join('')}}`,
    );
  });
}

function doubtText(then: Micros, { gap, knownUntil }: Doubt): string {
  const text = JSON.stringify({
    at: formatMicros(then),
    watched: gap === undefined,
    gap: gap && { since: optional(gap.since), until: optional(gap.until) },
    knownUntil: optional(knownUntil),
  });
  return text.slice(1, -1);
}

function optional(time: Micros | undefined): string | undefined {
  return time === undefined ? undefined : formatMicros(time);
}

/** As the store writes addresses (RFC 5952). */
function ipOf(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const words = parseIp(text);
  if (words === undefined) throw new ApiProblem(400, 'ip is no address');
  return formatIp(...words);
}

function macOf(text: string | undefined): string | undefined {
  const mac = text?.toLowerCase().replaceAll('-', ':');
  if (mac !== undefined && !/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(mac))
    throw new ApiProblem(400, 'mac is no MAC address');
  return mac;
}
