/** The body of a request: JSON and nothing else, bounded, whatever its headers promise. */
import { ApiProblem } from './problem.ts';

export const MAX_BODY_BYTES = 64 * 1024;

/** Throws an ApiProblem. An absent body is undefined. */
export async function readBody(request: Request): Promise<unknown> {
  const bytes = await readBytes(request);
  if (bytes.length === 0) return undefined;
  // A form of another site can send text/plain or form data without asking first; JSON it cannot.
  const type = request.headers.get('content-type') ?? '';
  if (!/^application\/json\s*(?:;|$)/i.test(type))
    throw new ApiProblem(415, 'a body must be JSON, with the header Content-Type: application/json');
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new ApiProblem(400, 'the body is not JSON in UTF-8');
  }
}

async function readBytes(request: Request): Promise<Uint8Array> {
  const tooLarge = () => new ApiProblem(413, `a body is at most ${MAX_BODY_BYTES} bytes long`);
  if (Number(request.headers.get('content-length') ?? 0) > MAX_BODY_BYTES) throw tooLarge();
  if (request.body === null) return new Uint8Array();
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of request.body) {
    bytes += part.byteLength;
    if (bytes > MAX_BODY_BYTES) throw tooLarge();
    parts.push(part);
  }
  return Buffer.concat(parts);
}
