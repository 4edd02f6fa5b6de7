/**
 * The engine's API without the docker client: a process less for each call, for tests that start containers by the
 * hundred. An answer that is an error rejects with the engine's own words;
 * what is no JSON, such as a container's output, comes as text.
 */
import { request } from 'node:http';

export type EngineApi = <T = unknown>(
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  body?: object,
) => Promise<T>;

export function engineApi(socketPath: string, timeoutMs = 60_000): EngineApi {
  return <T>(method: string, path: string, body?: object) =>
    new Promise<T>((resolve, reject) => {
      const payload = body === undefined ? undefined : JSON.stringify(body);
      const headers = payload === undefined ? {} : { 'Content-Type': 'application/json' };
      const asked = request({ socketPath, method, path, headers, timeout: timeoutMs }, (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          if ((answer.statusCode ?? 500) >= 400) {
            reject(new Error(`${method} ${path}: ${answer.statusCode} ${text.trim()}`));
          } else if (answer.headers['content-type']?.startsWith('application/json') === true) {
            resolve(JSON.parse(text) as T);
          } else resolve(text as T);
        });
        answer.on('error', reject);
      });
      asked.on('timeout', () => asked.destroy(new Error(`${method} ${path}: no answer in ${timeoutMs} ms`)));
      asked.on('error', reject);
      asked.end(payload);
    });
}
