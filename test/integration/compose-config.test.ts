/**
 * What docker-compose makes of files with `config`, its own rules of merging applied, against what we make of the same
 * files: the printed project, read as one plain file, has to be the project that was read out of many.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadCompose } from '../../src/compose/load.ts';
import type { ComposeModel } from '../../src/compose/model.ts';
import { folderOf } from '../compose/support.ts';

const version = spawnSync('docker-compose', ['version', '--short'], { encoding: 'utf8' })
  .stdout?.trim()
  .replace(/^v/, '');
const isThere = version !== undefined && version !== '';
const isTwo = isThere && !version.startsWith('1.');
if (!isThere)
  console.warn(
    'SKIPPED: Compose files as docker-compose reads them: docker-compose is not installed (make setup)',
  );
else if (!isTwo)
  console.warn(
    `SKIPPED: include, !reset and !override as docker-compose reads them: ${version} is before 2.24`,
  );

interface Case {
  readonly name: string;
  readonly files: Readonly<Record<string, string>>;
  readonly order?: readonly string[];
  readonly profiles?: readonly string[];
  readonly shell?: Readonly<Record<string, string>>;
}

const BOTH: readonly Case[] = [
  {
    name: 'anchors, merge keys, both forms of everything',
    files: {
      'compose.yaml': `
version: "3.9"
x-common: &common
  restart: always
  cap_drop: [ALL]
services:
  db:
    <<: *common
    image: postgres:17
    networks: { data: { aliases: [store], ipv4_address: 172.30.9.5 } }
    sysctls: [net.ipv4.ip_forward=1]
    volumes: ["db:/var/lib", "./conf:/conf:ro", "/var/run/docker.sock:/var/run/docker.sock"]
    ports: ["127.0.0.1:5432:5432", "8000-8002:9000-9002/udp", "81"]
  web:
    <<: *common
    image: nginx
    cap_drop: []
    cap_add: [NET_ADMIN, SYS_TIME]
    privileged: true
    pid: host
    dns: 198.51.100.53
    expose: ["9000"]
    sysctls: { net.ipv4.ip_forward: 0 }
    networks: [front, data]
    ports: [{ target: 80, published: 8080, protocol: tcp, mode: host }, { target: 53, protocol: udp, published: 53 }]
    volumes: [{ type: bind, source: /run, target: /run, read_only: true }]
  host: { image: busybox, network_mode: host }
  plain: { image: busybox }
networks:
  front: { driver_opts: { com.docker.network.bridge.enable_icc: "false" }, labels: { a: b } }
  data: { internal: true, ipam: { config: [{ subnet: 172.30.9.0/24 }] } }
volumes: { db: {} }
`,
    },
  },
  {
    name: 'three files over each other',
    order: ['compose.yaml', 'b.yaml', 'c.yaml'],
    files: {
      'compose.yaml': `
version: "3.9"
services:
  web:
    image: a
    ports: ["80:80", "127.0.0.1:81:81"]
    cap_add: [NET_RAW]
    dns: [198.51.100.1]
    sysctls: { a: 1 }
    labels: [tier=front, x=1]
    volumes: ["/a:/data", "/run:/run"]
    networks: [back]
    command: [a, b]
networks: { back: { internal: true, driver_opts: { a: "1" } }, front: {} }
`,
      'b.yaml': `
version: "3.9"
services:
  web:
    image: b
    ports: ["80:80", "82:82"]
    cap_add: [SYS_TIME, NET_RAW]
    dns: [198.51.100.2]
    sysctls: [a=2, b=3]
    labels: { tier: data }
    volumes: ["/b:/data"]
    networks: { front: }
    command: c
  more: { image: m, networks: [front] }
`,
      'c.yaml': 'version: "3.9"\nservices:\n  web:\n    privileged: true\n    ports: ["82:82/udp"]\n',
    },
  },
  {
    name: 'variables of the shell and of .env',
    shell: { PORT: '8081', EMPTY: '' },
    files: {
      '.env': 'TAG=1.2 # a comment\nPORT=1\nQUOTED="a b"\nSINGLE=\'$TAG\'\n',
      'compose.yaml': `
version: "3.9"
services:
  web:
    image: "x:\${TAG}"
    ports: ["\${PORT}:80", "\${EMPTY:-8082}:81", "\${NONE-8083}:82"]
    labels: { a: "$$HOME", b: "\${QUOTED}", c: "\${SINGLE}", d: "\${EMPTY-x}", e: "\${PORT:?needed}" }
    privileged: "\${YES:-true}"
`,
    },
  },
  {
    name: 'extends, of the same file and of another',
    files: {
      'compose.yaml': `
version: "3.9"
services:
  web:
    extends: { file: common/base.yaml, service: app }
    ports: ["80:80"]
    labels: { who: web }
  admin:
    extends: { service: web }
    ports: ["81:81"]
    cap_add: [SYS_TIME]
`,
      'common/base.yaml': `
version: "3.9"
services:
  app: { image: app, extends: { service: root }, volumes: ["./conf:/conf"], labels: { who: app, of: base } }
  root: { image: none, cap_add: [NET_ADMIN], ports: ["79:79"] }
`,
    },
  },
  {
    name: 'profiles',
    profiles: ['debug'],
    files: {
      'compose.yaml': `
version: "3.9"
services:
  a: { image: x }
  b: { image: x, profiles: [debug] }
  c: { image: x, profiles: [ops] }
`,
    },
  },
];

const TWO_ONLY: readonly Case[] = [
  {
    name: '!reset and !override',
    order: ['compose.yaml', 'b.yaml'],
    files: {
      'compose.yaml':
        'services: {web: {image: a, privileged: true, ports: ["80:80"], cap_add: [SYS_ADMIN], labels: {a: "1", b: "2"}}, old: {image: a}}',
      'b.yaml':
        'services:\n  web:\n    privileged: !reset false\n    ports: !override ["8080:80"]\n    cap_add: !reset []\n    labels: { a: !reset null }\n  old: !reset {}\n',
    },
  },
  {
    // Compose 1 replaces a network that a later file speaks of, as a whole.
    name: 'a network over a network',
    order: ['compose.yaml', 'b.yaml'],
    files: {
      'compose.yaml':
        'services: {a: {image: x, networks: [n]}}\nnetworks: {n: {internal: true, driver_opts: {a: "1"}}}',
      'b.yaml': 'networks: {n: {driver_opts: {b: "2"}}}',
    },
  },
  {
    name: 'include',
    files: {
      'compose.yaml': 'include:\n  - data/compose.yaml\nservices: {web: {image: x, networks: [back]}}\n',
      'data/compose.yaml':
        'services: {db: {image: "db:$TAG", networks: [back], volumes: ["./d:/d"]}}\nnetworks: {back: {internal: true}}\n',
      'data/.env': 'TAG=1\n',
    },
  },
];

const LAX_IN_ONE: readonly (readonly [string, string])[] = [
  ['a service on a network that is not declared', 'services: {a: {image: x, networks: [b]}}'],
  ['a port that is none', 'services: {a: {image: x, ports: ["99999:80"]}}'],
];

/** All that the audit is told, without where it stands. */
function told({ services, networks }: ComposeModel): unknown {
  const byName = (a: { readonly name: string }, b: { readonly name: string }) => (a.name < b.name ? -1 : 1);
  return {
    services: services
      .map(({ at: _at, unset: _unset, profiles: _profiles, ...service }) => ({
        ...service,
        ports: service.ports.map((port) => JSON.stringify(port, Object.keys(port).sort())).sort(),
        mounts: service.mounts
          .map(({ source, target, isReadOnly }) => `${source}:${target}:${isReadOnly}`)
          .sort(),
        capAdd: [...service.capAdd].sort(),
        capDrop: [...service.capDrop].sort(),
        exposed: [...service.exposed].sort(),
        attachments: service.attachments.map(({ network, ips }) => `${network} ${ips}`),
      }))
      .sort(byName),
    networks: networks
      .map(({ at: _at, unset: _unset, name, ...network }) => ({ name, ...network }))
      .sort(byName),
  };
}

describe.skipIf(!isThere)('Compose files as docker-compose reads them', () => {
  it.each([...BOTH, ...(isTwo ? TWO_ONLY : [])])(
    '$name',
    ({ files, order = ['compose.yaml'], profiles = [], shell = {} }) => {
      const folder = folderOf(files);
      const options = [
        ...order.flatMap((name) => ['-f', name]),
        ...profiles.flatMap((name) => ['--profile', name]),
      ];
      const env = { PATH: process.env['PATH'], HOME: folder, ...shell };
      const printed = execFileSync('docker-compose', ['-p', 'shop', ...options, 'config'], {
        cwd: folder,
        env,
        encoding: 'utf8',
      });
      writeFileSync(join(folder, 'printed.yaml'), printed);
      const load = (names: readonly string[]) =>
        loadCompose({
          files: names.map((name) => join(folder, name)),
          ...{ name: 'shop', profiles, shell: names.includes('printed.yaml') ? {} : shell, isStrict: true },
        });

      expect(told(load(order))).toEqual(told(load(['printed.yaml'])));
    },
  );

  it.each<readonly [string, string]>([
    ['a needed variable that is not set', `services: {a: {image: "x:\${NO:?gone}"}}`],
    [
      'a network mode and networks',
      'services: {a: {image: x, network_mode: host, networks: [b]}}\nnetworks: {b: {}}',
    ],
    ...(isTwo ? LAX_IN_ONE : []),
  ])('both refuse %s', (_what, text) => {
    const folder = folderOf({ 'compose.yaml': `version: "3.9"\n${text}` });
    const { status } = spawnSync('docker-compose', ['-p', 'shop', 'config'], {
      cwd: folder,
      env: { PATH: process.env['PATH'] },
    });

    expect(status).not.toBe(0);
    expect(() => loadCompose({ files: [join(folder, 'compose.yaml')], shell: {}, isStrict: true })).toThrow(
      /compose\.yaml:\d+:\d+: /,
    );
  });
});
