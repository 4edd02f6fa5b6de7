/** The configuration of a command, from its flags, the environment and the file it names. */
import { loadConfig } from '../../config/load.ts';
import type { Config } from '../../config/schema.ts';
import { ANALYZERS } from '../../sensor/detectors.ts';

export interface SettingsOptions {
  readonly config?: string;
  readonly socket?: string;
  readonly captureBackend?: string;
  readonly db?: string;
}

export function loadSettings(options: SettingsOptions): Config {
  return loadConfig({
    ...(options.config === undefined ? {} : { file: options.config }),
    env: process.env,
    flags: {
      docker: { socket_path: options.socket },
      capture: { backend: options.captureBackend },
      store: { path: options.db },
    },
    analyzers: ANALYZERS,
  });
}
