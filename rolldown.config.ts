/**
 * Compiles the agent into dist/. Few files instead of 230 modules: loading them was half of what a short command cost
 * (docs/benchmarks.md). Bundled are our own sources and the libraries that are pure JavaScript and needed by nearly every
 * command; the others are loaded from node_modules when they are first used.
 */
import { defineConfig } from 'rolldown';

const BUNDLED = ['commander', 'tldts', 'tldts-core', 'zod'];

export default defineConfig({
  // The executable, the child process of the portable backend, and the threads: one that answers questions of the API, one
  // that an audit of the running agent is made in.
  input: {
    'src/cli/main': 'src/cli/main.ts',
    'capture/portable/child': 'capture/portable/child.ts',
    'src/station/api/question-worker': 'src/station/api/question-worker.ts',
    'src/sensor/audit/watch/audit-worker': 'src/sensor/audit/watch/audit-worker.ts',
  },
  platform: 'node',
  logLevel: 'warn',
  external: (id) => /^[^./]/.test(id) && !BUNDLED.some((name) => id === name || id.startsWith(`${name}/`)),
  output: {
    dir: 'dist',
    format: 'esm',
    entryFileNames: '[name].js',
    // Two folders deep, as the sources are: paths relative to import.meta.url then hold in both.
    chunkFileNames: 'src/chunks/[name]-[hash].js',
    sourcemap: true,
  },
});
