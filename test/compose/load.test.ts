/** Compose files of real shape, each rule of the specification where somebody relies on it. */
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadCompose } from '../../src/compose/load.ts';
import { folderOf, load, portTexts, problemOf } from './support.ts';

describe('one file', () => {
  const SHOP = `
x-common: &common
  restart: unless-stopped
  cap_drop: [ALL]
x-more: &more
  dns: 198.51.100.53
services:
  db:
    <<: [*common, *more]
    image: postgres:\${PG:-17}
    networks: [data]
    ports: ["127.0.0.1:5432:5432", "8000-8001:9000-9001/udp", 80, "[::1]:443:443", "127.0.0.1::81", "3000-3005:82"]
    sysctls: [net.ipv4.ip_forward=1]
    volumes: ["db:/var/lib", "./conf:/conf:ro", /var/run/docker.sock:/var/run/docker.sock]
  web:
    build: .
    container_name: front-door
    networks:
      data: { priority: 1, ipv4_address: 172.30.0.5 }
      front: { aliases: [www], priority: 1000 }
    ports:
      - { target: 80, published: "8080", host_ip: 0.0.0.0, mode: host }
      - { target: 53, protocol: udp }
    cap_add: [CAP_NET_ADMIN, net_admin]
    privileged: "yes"
    pid: host
    sysctls: { net.ipv4.ip_forward: 0 }
    volumes: [{ type: bind, source: /run, target: /run, read_only: true }]
    expose: ["9000-9001", "53/udp"]
  lonely: { image: busybox, network_mode: host }
  plain: { image: busybox }
networks:
  data:
    internal: true
    ipam: { config: [{ subnet: 172.30.0.0/24, gateway: 172.30.0.1 }] }
    driver_opts: { com.docker.network.bridge.enable_icc: "false" }
  front: { name: www, enable_ipv6: true }
`;

  it('tells networks, as the engine will call them', () => {
    const { networks, name } = load(SHOP);

    expect(name).toBe('shop');
    expect(
      networks.map(({ key, name: its, isInternal, hasIpv6 }) => [key, its, isInternal, hasIpv6]),
    ).toEqual([
      ['data', 'shop_data', true, false],
      ['front', 'www', false, true],
      ['default', 'shop_default', false, false],
    ]);
    expect(networks[0]).toMatchObject({
      subnets: ['172.30.0.0/24'],
      gateways: ['172.30.0.1'],
      options: { 'com.docker.network.bridge.enable_icc': 'false' },
      at: { line: 33, column: 3 },
    });
  });

  it('tells ports of both forms, ranges by each', () => {
    const shop = load(SHOP);

    expect(portTexts(shop.service('db'))).toEqual([
      '127.0.0.1 5432->5432/tcp',
      '8000->9000/udp',
      '8001->9001/udp',
      '0->80/tcp',
      '::1 443->443/tcp',
      '127.0.0.1 0->81/tcp',
      '0->82/tcp',
    ]);
    expect(portTexts(shop.service('web'))).toEqual(['0.0.0.0 8080->80/tcp', '0->53/udp']);
    expect(shop.service('web').exposed).toEqual(['9000/tcp', '9001/tcp', '53/udp']);
  });

  it('tells rights, mounts and who is on what, first the network of the highest priority', () => {
    const shop = load(SHOP);

    expect(shop.service('db')).toMatchObject({
      ...{ image: 'postgres:17', capDrop: ['ALL'], dns: ['198.51.100.53'], isPrivileged: false },
      ...{ sysctls: { 'net.ipv4.ip_forward': '1' }, at: { line: 8, column: 3 } },
    });
    expect(
      shop.service('db').mounts.map(({ type, source, isReadOnly }) => [type, source, isReadOnly]),
    ).toEqual([
      ['volume', 'db', false],
      ['bind', `${shop.folder}/conf`, true],
      ['bind', '/var/run/docker.sock', false],
    ]);
    expect(shop.service('web')).toMatchObject({
      ...{ containerName: 'front-door', capAdd: ['NET_ADMIN'], isPrivileged: true, pid: 'host' },
      attachments: [
        { network: 'front', ips: [] },
        { network: 'data', ips: ['172.30.0.5'] },
      ],
    });
    expect(shop.service('lonely')).toMatchObject({ networkMode: 'host', attachments: [] });
    expect(shop.service('plain').attachments).toEqual([{ network: 'default', ips: [], priority: 0 }]);
    expect(shop.remarks).toEqual([]);
  });

  it('reads JSON, and several documents as files over each other', () => {
    expect(load('{"services":{"a":{"image":"b","ports":["80:80"]}}}').service('a').image).toBe('b');
    expect(load('services: {a: {image: b}}\n---\nservices: {a: {image: c}}\n').service('a').image).toBe('c');
  });

  it('mounts what volumes_from brings, and the socket that use_api_socket brings', () => {
    const model = load(`
services:
  a: { image: x, volumes: ["/run:/run", "/srv:/srv"] }
  b: { image: x, volumes_from: ["a:ro"], volumes: ["data:/srv"] }
  c: { image: x, use_api_socket: true }
`);

    expect(model.service('b').mounts.map(({ source, isReadOnly }) => [source, isReadOnly])).toEqual([
      ['data', false],
      ['/run', true],
    ]);
    expect(model.service('c').mounts[0]!.source).toBe('/var/run/docker.sock');
  });
});

describe('what Compose would not understand', () => {
  it.each([
    ['services: {a: {ports: 80}}', '1:23: ports ought to be a list, and is a number'],
    ['services: {a: {ports: ["99999:80"]}}', '1:24: a port is a number from 1 to 65535'],
    [
      'services: {a: {ports: ["80-82:80-81"]}}',
      '1:24: as many ports of the host as of the container, or one of the container',
    ],
    ['services: {a: {ports: ["x:80:80"]}}', '1:24: no address of the host'],
    ['services: {a: {ports: ["80:80/icmp"]}}', '1:24: the protocol is tcp, udp or sctp'],
    ['services: {a: {privileged: maybe}}', '1:28: privileged ought to be true or false, and is a text'],
    [
      'services: {a: {network_mode: host, networks: [b]}}\nnetworks: {b: }',
      '1:12: the service a has both network_mode and networks; keep one of them',
    ],
    [
      'services: {a: {networks: [dta]}}\nnetworks: {data: }',
      '1:12: the service a is on the network "dta", which no networks: declares; did you mean data?',
    ],
    ['services: {a: 1}', '1:15: the service a ought to be a mapping'],
    ['web: {image: x}', '1:1: no services in it: is it a Compose file, of format 2 or later?'],
    ['- a', '1:1: no Compose file: it ought to be a mapping with services'],
    ['services: {a: {image: x}, a: {image: y}}', '1:27: a key that stands here twice; keep one of them'],
    ['services:\n  a: {image: x\n', '3:1: not valid YAML: bad indent'],
    ['services: {a: {image: *x}}', '1:23: an alias (*name) that no anchor (&name) before it has'],
    ['services: {a: &a {image: *a}}', '1:26: an alias (*name) that no anchor (&name) before it has'],
    [`services: {a: {image: "\${X"}}`, '1:23: a $ that begins no variable; write $$ for a dollar'],
    [
      `services: {a: {image: "\${X:?no image}"}}`,
      '1:23: the variable X is needed and not set (no image); set it in the environment or in .env',
    ],
    [
      'name: Shop!\nservices: {a: {image: x}}',
      '1:7: name: "Shop!" is no name of a project: small letters, digits, - and _ only, a letter or digit first; shop would do',
    ],
  ])('%s', (text, problem) => {
    expect(problemOf(text)).toBe(problem);
  });

  it('is remarked, where it is only unknown', () => {
    const { remarked, remarks } = load(`
services:
  a:
    image: x
    prots: ["80:80"]
    label_file: labels
    command: !odd x
    environment: { A: $B }
netwrks: { a: {} }
networks: { spare: { intrnal: true } }
x-anything: { at: all }
`);

    expect(remarked()).toEqual([
      'a tag that Compose does not have: the value is read as if it had none',
      'the variable B is not set, and nothing stands for it',
      'the service a has "prots", which Compose does not know; did you mean ports?',
      'the service a: labels of its label_file are not read',
      'the network spare is declared, and no service of these profiles is on it: Compose does not make it',
      '"netwrks" is no section that Compose knows; did you mean networks?',
    ]);
    expect(remarks.map(({ place }) => place?.line)).toEqual([7, 8, 5, 6, 10, 9]);
  });
});

describe('files over each other', () => {
  const over = (base: string, override: string) =>
    load({ 'compose.yaml': base, 'b.yaml': override }, { files: ['compose.yaml', 'b.yaml'] });

  it('merges mappings, appends lists, replaces values; the same port or place counts once', () => {
    const web = over(
      `
services:
  web:
    image: a
    ports: ["80:80", "127.0.0.1:81:81"]
    cap_add: [NET_RAW]
    dns: 198.51.100.1
    sysctls: { a: 1 }
    labels: [tier=front]
    volumes: ["a:/data", "/run:/run"]
    networks: [back]
networks: { back: { internal: true, driver_opts: { a: "1" } }, front: {} }
`,
      `
services:
  web:
    image: b
    ports: [{ target: 80, published: "80" }, "82:82"]
    cap_add: [NET_RAW, SYS_TIME]
    dns: [198.51.100.2]
    sysctls: [a=2, b=3]
    labels: { tier: data }
    volumes: ["b:/data"]
    networks: { front: }
networks: { back: { driver_opts: { b: "2" } } }
`,
    );

    expect(portTexts(web.service('web'))).toEqual(['80->80/tcp', '127.0.0.1 81->81/tcp', '82->82/tcp']);
    expect(web.service('web')).toMatchObject({
      ...{ image: 'b', capAdd: ['NET_RAW', 'SYS_TIME'], dns: ['198.51.100.1', '198.51.100.2'] },
      ...{ sysctls: { a: '2', b: '3' }, labels: { tier: 'data' } },
      attachments: [{ network: 'back' }, { network: 'front' }],
      mounts: [
        { source: 'b', target: '/data' },
        { source: '/run', target: '/run' },
      ],
    });
    expect(web.networks[0]).toMatchObject({ isInternal: true, options: { a: '1', b: '2' } });
  });

  it('keeps what a key without a value would replace', () => {
    const web = over(
      'services: {web: {image: a, ports: ["80:80"], networks: [x]}}\nnetworks: {x: }',
      'services:\n  web:\n    ports:\n    networks:\n',
    );

    expect(portTexts(web.service('web'))).toEqual(['80->80/tcp']);
    expect(web.service('web').attachments).toMatchObject([{ network: 'x' }]);
  });

  it('takes back with !reset, and replaces with !override', () => {
    const web = over(
      'services: {web: {image: a, privileged: true, ports: ["80:80"], cap_add: [SYS_ADMIN], labels: {a: "1", b: "2"}}, old: {image: a}}',
      `
services:
  web:
    privileged: !reset
    ports: !override ["8080:80"]
    cap_add: !reset []
    labels: { a: !reset null }
  old: !reset {}
`,
    );

    expect(web.service('web')).toMatchObject({ isPrivileged: false, capAdd: [], labels: { b: '2' } });
    expect(portTexts(web.service('web'))).toEqual(['8080->80/tcp']);
    expect(web.services).toHaveLength(1);
  });
});

describe('extends', () => {
  it('takes a service of the same file, and of another, over several steps', () => {
    const model = load({
      'compose.yaml': `
services:
  web:
    extends: { file: common/base.yaml, service: app }
    ports: ["80:80"]
  admin:
    extends: web
    ports: ["81:81"]
    privileged: !reset null
`,
      'common/base.yaml': `
services:
  app:
    extends: { service: root }
    image: app
    volumes: ["./conf:/conf"]
  root: { image: none, cap_add: [NET_ADMIN], privileged: true }
`,
    });

    expect(model.service('web')).toMatchObject({ image: 'app', capAdd: ['NET_ADMIN'], isPrivileged: true });
    expect(model.service('web').mounts[0]!.source).toBe(`${model.folder}/common/conf`);
    expect(portTexts(model.service('admin'))).toEqual(['80->80/tcp', '81->81/tcp']);
    expect(model.service('admin').isPrivileged).toBe(false);
    expect(model.files.map((file) => file.slice(model.folder.length))).toEqual([
      '/compose.yaml',
      '/common/base.yaml',
    ]);
  });

  it.each([
    [
      { 'compose.yaml': 'services: {a: {extends: b}, b: {extends: a}}' },
      '1:25: the service a extends itself, over others',
    ],
    [
      { 'compose.yaml': 'services: {a: {extends: {file: compose.yaml, service: a}}}' },
      '1:25: the service a extends itself, over others',
    ],
    [
      { 'compose.yaml': 'services: {a: {extends: c}}' },
      '1:25: extends the service c, which is not in this file',
    ],
    [
      { 'compose.yaml': 'services: {a: {extends: {file: b.yaml, service: c}}}', 'b.yaml': 'services: {}' },
      '1:25: extends the service c, which is not in /b.yaml',
    ],
    [
      { 'compose.yaml': 'services: {a: {extends: {file: no.yaml, service: c}}}' },
      '1:25: cannot read /no.yaml: no such file',
    ],
    [
      { 'compose.yaml': 'services: {a: {extends: {file: "https://x/y.yaml", service: c}}}' },
      '1:25: extends of what is not on this host: nothing is fetched; fetch it, and name the file',
    ],
  ])('refuses %j', (files, problem) => {
    expect(problemOf(files).replace(/\/\d+\/shop/, '')).toBe(problem);
  });
});

describe('include', () => {
  it('puts a project beside ours, with variables and paths of its own', () => {
    const model = load(
      {
        'compose.yaml':
          'include:\n  - data/compose.yaml\n  - { path: [more/a.yaml, more/b.yaml], project_directory: . }\nservices: {web: {image: x, networks: [back]}}',
        'data/compose.yaml':
          'name: other\nservices: {db: {image: "db:$TAG", networks: [back], volumes: ["./d:/d"]}}\nnetworks: {back: {internal: true}}',
        'data/.env': 'TAG=1\nWHO=data',
        'more/a.yaml': 'services: {more: {image: "a:$WHO", volumes: ["./m:/m"]}}',
        'more/b.yaml': 'services: {more: {privileged: true}}',
        '.env': 'WHO=us',
      },
      {},
    );

    expect(model.name).toBe('shop');
    expect(model.service('db')).toMatchObject({
      image: 'db:1',
      mounts: [{ source: `${model.folder}/data/d` }],
    });
    expect(model.service('more')).toMatchObject({
      image: 'a:us',
      isPrivileged: true,
      mounts: [{ source: `${model.folder}/m` }],
    });
    expect(model.networks.map(({ name }) => name)).toContain('shop_back');
  });

  it('counts from where its files are also where ours is named from where we are', () => {
    const folder = folderOf({
      'compose.yaml': 'include: [{path: data/compose.yaml, env_file: more/x.env}]',
      'data/compose.yaml': 'services: {db: {image: "db:$TAG", extends: {file: base.yaml, service: b}}}',
      'data/base.yaml': 'services: {b: {privileged: true}}',
      'more/x.env': 'TAG=1',
    });
    const here = relative(process.cwd(), folder);
    const { services, files } = loadCompose({
      files: [join(here, 'compose.yaml')],
      shell: {},
      isStrict: true,
    });

    expect(services[0]).toMatchObject({ image: 'db:1', isPrivileged: true });
    expect(files).toEqual(
      ['compose.yaml', 'data/compose.yaml', 'data/base.yaml'].map((name) => join(here, name)),
    );
  });

  it('refuses two things of one name, unless they are the same, and a circle', () => {
    const twice = (own: string) =>
      problemOf({
        'compose.yaml': `include: [a.yaml]\nservices: {a: {image: ${own}}}`,
        'a.yaml': 'services: {a: {image: x}}',
      });

    expect(twice('y')).toMatch(
      /^2:12: services.a is declared here, and otherwise in a file that is included/,
    );
    expect(() => twice('x')).toThrow('it was read');
    expect(
      problemOf({
        'compose.yaml': 'include: [a.yaml]',
        'a.yaml': 'include: [b.yaml]',
        'b.yaml': 'include: [a.yaml]',
      }),
    ).toMatch(/a\.yaml includes itself, over others$/);
  });
});

describe('what a variable that is not set leaves empty', () => {
  it('counts as not said', () => {
    const model = load(
      'services: {a: {image: x, network_mode: $M, networks: [n], ports: [$P], pid: $Q, privileged: $R}}\nnetworks: {n: {name: $N}}',
    );

    expect(model.service('a')).toMatchObject({
      attachments: [{ network: 'n' }],
      ports: [],
      isPrivileged: false,
    });
    expect(model.networks[0]!.name).toBe('shop_n');
    expect(model.remarks).toHaveLength(5);
  });
});

describe('profiles', () => {
  const FILE =
    'services: {a: {image: x}, b: {image: x, profiles: [debug]}, c: {image: x, profiles: [debug, ops]}}';
  const names = (request: Parameters<typeof load>[1]) => load(FILE, request).services.map(({ name }) => name);

  it('leave out who is of another one, by name', () => {
    expect(load(FILE).inactive).toEqual(['b', 'c']);
    expect(names({ profiles: ['ops'] })).toEqual(['a', 'c']);
    expect(names({ profiles: ['*'] })).toEqual(['a', 'b', 'c']);
    expect(names({ shell: { COMPOSE_PROFILES: 'x,debug' } })).toEqual(['a', 'b', 'c']);
  });
});

describe('the name of the project', () => {
  const name = (text: string, request: Parameters<typeof load>[1] = {}) => load(text, request).name;
  const FILE = 'services: {a: {image: x}}';

  it('is what was asked for, COMPOSE_PROJECT_NAME, name:, or the folder', () => {
    expect(name(`name: two\n${FILE}`, { name: 'one', shell: { COMPOSE_PROJECT_NAME: 'three' } })).toBe('one');
    expect(name(`name: two\n${FILE}`, { shell: { COMPOSE_PROJECT_NAME: 'three' } })).toBe('three');
    expect(name(`name: two$X\n${FILE}`, { shell: { X: '-x' } })).toBe('two-x');
    expect(name(FILE, { folder: '/srv/_My Shop.2' })).toBe('myshop2');
  });
});

describe('what waits for variables', () => {
  it('is kept by attribute, also where a default stands for it', () => {
    const model = load(
      `services: {a: {image: $I, ports: ["\${P:-80}:80"], networks: [n]}}\nnetworks: {n: {internal: "\${N:-no}"}}`,
      { shell: { I: 'x' } },
    );

    expect(model.service('a').unset).toEqual({ ports: ['P'] });
    expect(model.networks[0]!.unset).toEqual({ isInternal: ['N'] });
    expect(model.remarks).toEqual([]);
  });
});
