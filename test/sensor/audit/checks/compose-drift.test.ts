import { describe, expect, it } from 'vitest';
import check from '../../../../src/sensor/audit/checks/compose-drift.ts';
import { runningProjects } from '../../../../src/sensor/audit/compose/running-projects.ts';
import { known } from '../../../../src/sensor/audit/facts.ts';
import type { ContainerFacts } from '../../../../src/sensor/docker/container-facts.ts';
import { folderOf } from '../../../compose/support.ts';
import { failure, network, outcomes, results, type SomeFacts, service } from '../support.ts';

const LABEL = 'com.docker.compose.';

const FILE = `
services:
  web:
    image: nginx
    networks: [front, data]
    ports: ["8080:80", "9000", "7000-7100:70"]
    cap_drop: [ALL]
    cap_add: [NET_BIND_SERVICE]
  db:
    image: postgres
    networks: [data]
  job: { image: busybox, profiles: [jobs], networks: [front] }
  idle: { image: busybox, scale: 0, networks: [front] }
networks:
  front: { driver_opts: { com.docker.network.bridge.enable_icc: "false" } }
  data: { internal: true }
`;
const FRONT = network('shop_front', {
  options: { 'com.docker.network.bridge.enable_icc': 'false' },
  isAttachable: true,
});
const DATA = network('shop_data', { internal: true });
const STRAY = network('stray');
const NETWORKS = [FRONT, DATA, STRAY];

const folder = folderOf({ 'compose.yaml': FILE });
const WEB: Partial<ContainerFacts> = {
  networks: ['shop_data', 'shop_front'],
  ...{ capDrop: ['ALL'], capAdd: ['NET_BIND_SERVICE'] },
  asked: [
    { hostPort: 8080, containerPort: 80, protocol: 'tcp' },
    { hostPort: 0, containerPort: 9000, protocol: 'tcp' },
    { hostPort: 0, containerPort: 70, protocol: 'tcp' },
  ],
  published: [{ hostIp: '0.0.0.0', hostPort: 32_768, containerPort: 9000, protocol: 'tcp' }],
};

function labels(more: Readonly<Record<string, string>> = {}, file = `${folder}/compose.yaml`) {
  return {
    [`${LABEL}project.config_files`]: file,
    [`${LABEL}project.working_dir`]: file.replace(/\/[^/]*$/, ''),
    ...more,
  };
}

function web(fields: Partial<ContainerFacts> = {}): ContainerFacts {
  return service('shop', 'web', { ...WEB, labels: labels(), ...fields });
}

function db(fields: Partial<ContainerFacts> = {}): ContainerFacts {
  return service('shop', 'db', { networks: ['shop_data'], labels: labels(), ...fields });
}

function facts(containers: readonly ContainerFacts[], networks = NETWORKS, isHere = true): SomeFacts {
  const compose = runningProjects(known(containers), isHere);
  if (!compose.ok) throw new Error(compose.reason);
  return { networks, containers, compose: compose.value };
}

describe('compose-drift', () => {
  it('passes a project that runs as its file says, whatever the engine chose and however many replicas run', () => {
    const second = web({ id: 'id-2', name: 'shop-web-2' });

    expect(outcomes(check, facts([web(), second, db()]))).toEqual(['pass shop']);
  });

  it('accuses no stopped service, no profile that nobody asked for, and no one-off container', () => {
    const once = web({ id: 'id-once', isPrivileged: true, labels: labels({ [`${LABEL}oneoff`]: 'True' }) });

    expect(outcomes(check, facts([web(), once]))).toEqual(['pass shop']);
    expect(
      outcomes(check, facts([service('shop', 'job', { networks: ['shop_front'], labels: labels() })])),
    ).toEqual(['pass shop']);
  });

  it('fails a network joined by hand, high where it leads out of internal ones, with the command that leaves it', () => {
    const told = failure(check, facts([web(), db({ networks: ['shop_data', 'stray'] })]));

    expect(told).toMatchObject({
      severity: 'high',
      objects: [{ kind: 'container', name: 'shop/db', at: { file: `${folder}/compose.yaml`, line: 9 } }],
      explanation: `Not as ${folder}/compose.yaml has it: shop/db is on stray, and stray leads out of its internal networks.`,
      evidence: {
        files: [`${folder}/compose.yaml`],
        field: 'networks',
        file: ['shop_data'],
        running: ['shop_data', 'stray'],
      },
      remedy: { commands: ['docker network disconnect stray shop-db-1'] },
    });
    expect(told.networks).toContain('stray');
  });

  it('fails ports, rights and services beyond the file; what runs with less is informational', () => {
    const differ = (fields: Partial<ContainerFacts>) => outcomes(check, facts([web(fields)]));

    expect(
      differ({ asked: [...WEB.asked!, { hostPort: 5432, containerPort: 5432, protocol: 'tcp' }] }),
    ).toEqual(['fail high shop/web']);
    expect(differ({ isPrivileged: true })).toEqual(['fail high shop/web']);
    expect(differ({ capAdd: ['NET_ADMIN', 'NET_BIND_SERVICE'] })).toEqual(['fail medium shop/web']);
    expect(differ({ capAdd: [] })).toEqual(['fail informational shop/web']);
    expect(differ({ networks: ['shop_front'] })).toEqual(['fail informational shop/web']);
    expect(
      outcomes(check, facts([web(), service('shop', 'old', { networks: ['shop_front'], labels: labels() })])),
    ).toEqual(['fail medium shop/old']);
  });

  it('fails a network that is not made as the file says; attachable means nothing on a bridge', () => {
    const open = failure(check, facts([web()], [FRONT, network('shop_data', { internal: false })]));

    expect(open).toMatchObject({
      severity: 'high',
      objects: [{ kind: 'network', name: 'shop_data' }],
      topic: 'isInternal',
    });
    expect(outcomes(check, facts([web()], [network('shop_front', { options: {} }), DATA]))).toEqual([
      'fail medium shop_front',
    ]);
  });

  it('does not know what the file leaves to a variable that nobody set; .env sets it', () => {
    const open = folderOf({
      'compose.yaml': `services: {web: {image: x, ports: ["\${PORT:-80}:80"], cap_add: ["\${CAP}"]}}`,
    });
    const shut = folderOf({
      'compose.yaml': `services: {web: {image: x, ports: ["\${PORT:-80}:80"]}}`,
      '.env': 'PORT=81',
    });
    const on = (path: string) =>
      web({
        ...{
          labels: labels({}, `${path}/compose.yaml`),
          networks: ['shop_default'],
          capAdd: [],
          capDrop: [],
        },
        asked: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }],
      });

    expect(outcomes(check, facts([on(open)]))).toEqual(['unknown shop/web']);
    expect(results(check, facts([on(open)]))[0]!.explanation).toContain('leaves that to PORT, not set here');
    expect(outcomes(check, facts([on(shut)]))).toEqual(['fail medium shop/web']);
  });

  it('does not know a project whose files cannot be read, once, with why and what would help', () => {
    const told = (file: string, isHere = true) => {
      const both = [web({ labels: labels({}, file) }), db({ labels: labels({}, file) })];
      return results(check, facts(both, NETWORKS, isHere)).map(({ outcome, objects, explanation }) => [
        outcome,
        objects[0]!.kind,
        explanation,
      ]);
    };

    expect(told('/nowhere/compose.yaml')).toEqual([
      [
        'unknown',
        'project',
        'How shop ought to be is not known: cannot read /nowhere/compose.yaml: no such file.',
      ],
    ]);
    expect(told(`${folder}/compose.yaml`, false)[0]![2]).toContain('on another host');
    expect(told('')[0]![2]).toContain('do not say where its Compose files are');
    expect(outcomes(check, facts([web({ labels: {} })]))).toEqual(['unknown shop']);
  });

  it('has nothing to say where no Compose project runs', () => {
    expect(outcomes(check, facts([]))).toEqual(['not-applicable']);
  });

  it('is unknown where containers cannot be read', () => {
    expect(outcomes(check, { compose: undefined })).toEqual(['unknown']);
  });
});
