/**
 * What the engine was started with and no API tells: its command line and its daemon.json as one. Pure. It knows the
 * engine's own defaults only where they are the same in all versions.
 */
import { type EngineProcess, valuesOf } from './engine-process.ts';

export interface EngineSettings {
  /** `-H`, `hosts`: `unix:///var/run/docker.sock`, `tcp://0.0.0.0:2375`, `fd://`; empty where neither says. */
  readonly hosts: readonly string[];
  /** A client must show a certificate. */
  readonly tlsVerify: boolean;
  readonly tls: boolean;
  /** `iptables`, `ip6tables`, `userland-proxy`: absent where neither says. */
  readonly iptables?: boolean;
  readonly ip6tables?: boolean;
  readonly userlandProxy?: boolean;
  /** Since 28: ports can be reached by the container's own address from outside. */
  readonly allowDirectRouting?: boolean;
  /** Where daemon.json is, on the engine's file system. */
  readonly configFile: string;
}

/** Undefined where its daemon.json cannot be read: half of the settings would look like defaults. */
export function engineSettings(process: EngineProcess): EngineSettings | undefined {
  const { options, config, configFile } = process;
  if (config === undefined) return undefined;
  const hosts = [...valuesOf(options, '--host'), ...valuesOf(options, '-H'), ...glued(options)];
  const inFile = config['hosts'];
  const flag = (name: string): boolean | undefined => {
    const said = flagOf(options, name);
    if (said !== undefined) return said;
    return typeof config[name] === 'boolean' ? config[name] : undefined;
  };
  const [iptables, ip6tables] = [flag('iptables'), flag('ip6tables')];
  const [userlandProxy, allowDirectRouting] = [flag('userland-proxy'), flag('allow-direct-routing')];
  const tlsVerify = flag('tlsverify') === true;
  return {
    hosts: [...hosts, ...(Array.isArray(inFile) ? inFile.filter((host) => typeof host === 'string') : [])],
    tlsVerify,
    tls: tlsVerify || flag('tls') === true,
    ...(iptables === undefined ? {} : { iptables }),
    ...(ip6tables === undefined ? {} : { ip6tables }),
    ...(userlandProxy === undefined ? {} : { userlandProxy }),
    ...(allowDirectRouting === undefined ? {} : { allowDirectRouting }),
    configFile,
  };
}

/** `-Htcp://...`, as pflag takes short options too. */
function glued(options: readonly string[]): string[] {
  return options.flatMap((option) => {
    const value = /^-H=?([a-z]+:\/\/.*)$/.exec(option)?.[1];
    return value === undefined || option.startsWith('-H=') ? [] : [value];
  });
}

/** `--icc`, `--icc=false`: a flag takes no value behind a space. The last one counts. */
function flagOf(options: readonly string[], name: string): boolean | undefined {
  let said: boolean | undefined;
  for (const option of options) {
    if (option === `--${name}`) said = true;
    else if (option.startsWith(`--${name}=`)) said = /^(?:1|t|true)$/i.test(option.slice(name.length + 3));
  }
  return said;
}
