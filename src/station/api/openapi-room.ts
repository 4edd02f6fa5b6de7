/** What the API can do, for programs: the same bytes as docs/openapi.json, which the bundler takes in. */
import { operation, serve } from './operation.ts';
import { JSON_TYPE, jsonAnswer } from './record-answer.ts';
import type { ApiApp } from './routes.ts';

const getOpenApi = operation({
  method: 'get',
  path: '/api/v1/openapi.json',
  id: 'getOpenApi',
  summary: 'This description, in OpenAPI 3.1.',
  answers: { 200: { description: 'The description.', content: { [JSON_TYPE]: { type: 'object' } } } },
});

export const openApiOperations = [getOpenApi];

export function openApiRoom(app: ApiApp): void {
  serve(app, getOpenApi, async () => {
    const { default: document } = await import('../../../docs/openapi.json', { with: { type: 'json' } });
    return jsonAnswer(JSON.stringify(document, undefined, 2));
  });
}
