/** Starts a thread from one of our modules, from the sources and from dist alike. */
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Worker, type WorkerOptions } from 'node:worker_threads';

/** `path`: from src, without ending; it must be an entry in rolldown.config.ts. */
export function threadScript(path: string): URL {
  // A bundler puts this file elsewhere, two folders deep.
  return fileURLToPath(import.meta.url).endsWith('.ts')
    ? new URL(`${path}.ts`, import.meta.url)
    : new URL(`../../src/${path}.js`, import.meta.url);
}

/** From the sources Node runs it through tsx, which a thread has to be given by itself. */
export function startThread(script: URL, options: WorkerOptions): Worker {
  if (!script.pathname.endsWith('.ts')) return new Worker(script, options);
  // `require` finds the CommonJS half of it, which cannot register itself.
  const found = createRequire(import.meta.url)
    .resolve('tsx/esm/api')
    .replace(/\.cjs$/, '.mjs');
  const [tsx, thread] = [pathToFileURL(found).href, script.href].map((url) => JSON.stringify(url));
  const boot = `import(${tsx}).then(({ register }) => { register(); return import(${thread}); });`;
  return new Worker(boot, { ...options, eval: true });
}
