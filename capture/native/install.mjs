/**
 * Builds the libpcap binding when the package is installed. A machine without a compiler must still get a working
 * package, with the portable capture backend: so a failure is one loud line and success for npm. `--required`
 * (`npm run build:native`) fails instead, and always builds.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = dirname(fileURLToPath(import.meta.url));
const BINDING = join(HERE, 'build', 'Release', 'bridgewatch_pcap.node');
const required = process.argv.includes('--required');
const require = createRequire(import.meta.url);

if (!required && isFresh()) process.exit(0);
const failure = build();
if (failure !== undefined) {
  if (required) {
    console.error(failure.output);
    console.error(`bridgewatch: the libpcap binding cannot be built: ${failure.reason}`);
  } else {
    console.error(
      `bridgewatch: THE LIBPCAP BINDING WAS NOT BUILT (${failure.reason}): the slower portable capture backend will ` +
        'be used; install a C++ compiler, make and python3, then run: npm run build:native',
    );
  }
  process.exit(required ? 1 : 0);
}

/** Newer than all of its sources, and loadable by the Node that runs now. */
function isFresh() {
  if (!existsSync(BINDING)) return false;
  const builtMs = statSync(BINDING).mtimeMs;
  const sources = readdirSync(HERE).filter((name) => /\.(cc|h|gyp)$/.test(name));
  if (sources.some((name) => statSync(join(HERE, name)).mtimeMs > builtMs)) return false;
  try {
    require(BINDING);
    return true;
  } catch {
    return false;
  }
}

/** What went wrong, in a line and at length, or undefined. */
function build() {
  try {
    const nodeGyp = require.resolve('node-gyp/bin/node-gyp.js');
    const args = [nodeGyp, '-C', HERE, 'rebuild', '--jobs=max', ...headersOfThisNode()];
    const run = spawnSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
    if (run.error) throw run.error;
    if (run.status === 0) return undefined;
    const output = `${run.stdout}\n${run.stderr}`;
    const told = /(?:error: |ERR! stack Error: |ERR! find Python )(\S.*)/.exec(output)?.[1];
    return { reason: told ?? `node-gyp ended with ${run.status ?? run.signal}`, output };
  } catch (error) {
    const output = error instanceof Error ? error.message : String(error);
    return { reason: output.split('\n')[0], output };
  }
}

/** Headers that came with Node spare node-gyp a download, which a closed network would refuse. */
function headersOfThisNode() {
  if (process.env.npm_config_nodedir) return [];
  const prefix = dirname(dirname(process.execPath));
  return existsSync(join(prefix, 'include', 'node', 'node_api.h')) ? [`--nodedir=${prefix}`] : [];
}
