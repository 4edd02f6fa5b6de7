/** Packets that were put aside, over HTTP: which there are, their facts, their bytes; and asking for the last moments. */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { EvidenceRecord } from '../../model/evidence.ts';
import { serializeRecord } from '../../model/serialize.ts';
import { EvidenceError, type EvidenceErrorCode } from '../evidence/error.ts';
import { EvidencePaths, evidenceFolder, isEvidenceId } from '../evidence/folder.ts';
import { whoOf } from './caller.ts';
import { type Answer, operation, recordRef, serve } from './operation.ts';
import { PacketStreams } from './packet-stream.ts';
import { range } from './parameters.ts';
import { ApiProblem } from './problem.ts';
import { JSON_TYPE, jsonAnswer, pageOf } from './record-answer.ts';
import { answerPage } from './record-room.ts';
import type { ApiApp, RoomDeps } from './routes.ts';

/** IANA has no type of its own for pcapng; this one opens it everywhere. */
const PACKETS_TYPE = 'application/vnd.tcpdump.pcap';
const MAX_TARGETS = 32;
const MAX_LAST_SECS = 86_400;

const params = z.strictObject({
  id: z
    .string()
    .refine(isEvidenceId, 'expected the id of evidence: letters, digits, - and _')
    .describe('Of the collection, or of the finding: then its latest.'),
});
const by = z.string().max(60).optional().describe('Who asks. It is recorded as said; nobody proves it.');
const targets = z
  .array(z.string().min(1).max(300))
  .min(1)
  .max(MAX_TARGETS)
  .describe('Networks, containers, services, as `bridgewatch capture` takes them.');
const one: Answer = { description: 'Its facts.', content: { [JSON_TYPE]: recordRef('evidence') } };
const unknown: Answer = { description: 'Nothing with this id is kept.' };

const listEvidence = operation({
  method: 'get',
  path: '/api/v1/evidence',
  id: 'listEvidence',
  summary: 'Packets that were put aside, let go again, or taken by somebody. The newest first.',
  query: z.strictObject(range),
  answers: { 200: pageOf('A page of evidence.', 'evidence') },
});
const getEvidence = operation({
  method: 'get',
  path: '/api/v1/evidence/{id}',
  id: 'getEvidence',
  summary: 'The facts of one collection, as they were told last.',
  params,
  answers: { 200: one, 404: unknown },
});
const getPackets = operation({
  method: 'get',
  path: '/api/v1/evidence/{id}/packets',
  id: 'getEvidencePackets',
  summary: 'Its packets, as pcapng.',
  description: 'Over TCP always with the token, from this machine too.',
  params,
  answers: {
    200: { description: 'The file.', content: { [PACKETS_TYPE]: { type: 'string', format: 'binary' } } },
    404: { description: 'There is no file of it: `removed`, without a packet, or unknown.' },
  },
});
const askForPackets = operation({
  method: 'post',
  path: '/api/v1/evidence',
  id: 'askForEvidence',
  summary: 'Puts aside what the sensor still remembers of the last moments, and answers when it is a file.',
  body: z.strictObject({
    targets,
    lastSecs: z.number().positive().max(MAX_LAST_SECS).describe('Packets of so many seconds before now.'),
    by,
  }),
  answers: {
    200: one,
    409: { description: 'The sensor says no; `detail` says why, and what to do.' },
    504: { description: 'The sensor did not answer in time.' },
  },
});
const tellOfCapture = operation({
  method: 'post',
  path: '/api/v1/captures',
  id: 'tellOfCapture',
  summary: 'Somebody captured packets beside the agent: for the audit trail. `bridgewatch capture` tells it.',
  body: z.strictObject({
    targets,
    networks: z.array(z.string().max(300)).max(256).describe('Names of the Docker networks.'),
    filter: z.string().max(4096).optional().describe('pcap-filter(7).'),
    packets: z.int().min(0),
    bytes: z.int().min(0).describe('Of all files together; 0 where it went to a pipe.'),
    sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .optional()
      .describe('Of the file, where it is one.'),
    end: z.enum(['whole', 'limit', 'cut']),
    missing: z.array(z.string().max(1000)).max(64).default([]),
    by,
  }),
  answers: { 200: one },
});

export const evidenceOperations = [listEvidence, getEvidence, getPackets, askForPackets, tellOfCapture];

export function evidenceRoom(app: ApiApp, deps: RoomDeps): void {
  const { evidence, now, storePath } = deps;
  const streams = new PacketStreams();
  const latest = async (id: string): Promise<{ readonly text: string; readonly id: string }> => {
    const { items } = await deps.questions.ask({
      type: 'page',
      of: 'events',
      kinds: ['evidence'],
      filter: `id:"${id}"`,
      now: now(),
      limit: 1,
    });
    const text = items[0];
    if (text === undefined) throw new ApiProblem(404, 'nothing with this id is kept');
    return { text, id: (JSON.parse(text) as { readonly id: string }).id };
  };
  serve(app, listEvidence, ({ c, query }) => answerPage(deps, c, 'events', ['evidence'], query));
  serve(app, getEvidence, async ({ params: { id } }) => jsonAnswer((await latest(id)).text));
  serve(app, getPackets, async ({ c, params: asked }) => {
    // Records are for whoever is on this machine; what was said on the networks is not.
    if (c.get('caller').by === 'loopback')
      throw new ApiProblem(
        401,
        'packets need the token, or the socket beside the database, from this machine too',
        {
          headers: { 'www-authenticate': 'Bearer realm="bridgewatch"' },
        },
      );
    const id = evidence.has(asked.id) ? asked.id : (await latest(asked.id)).id;
    const paths = new EvidencePaths(evidenceFolder(storePath), id);
    const { bytes, body } = await streams.open(paths.packets, { isHead: c.req.method === 'HEAD' });
    return new Response(body ?? null, {
      headers: {
        'content-type': PACKETS_TYPE,
        'content-length': String(bytes),
        'content-disposition': `attachment; filename="${paths.name}"`,
      },
    });
  });
  serve(app, askForPackets, async ({ c, body }) => {
    try {
      const record = await evidence.ask({ ...body, by: whoOf(c, body.by) });
      return jsonAnswer(serializeRecord(record));
    } catch (error) {
      if (error instanceof EvidenceError) throw new ApiProblem(STATUS[error.code], error.message);
      throw error;
    }
  });
  serve(app, tellOfCapture, ({ c, body: { by: said, ...told } }) => {
    const record: EvidenceRecord = {
      kind: 'evidence',
      time: now(),
      id: `c-${randomBytes(8).toString('hex')}`,
      change: 'kept',
      cause: 'command',
      by: whoOf(c, said),
      ...told,
    };
    evidence.tellCapture(record);
    return jsonAnswer(serializeRecord(record));
  });
}

const STATUS: Readonly<Record<EvidenceErrorCode, number>> = {
  AWAY: 503,
  REFUSED: 409,
  SILENT: 504,
  FULL: 503,
};
