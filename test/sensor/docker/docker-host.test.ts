import { describe, expect, it } from 'vitest';
import { DockerError } from '../../../src/sensor/docker/docker-error.ts';
import { dockerHost } from '../../../src/sensor/docker/docker-host.ts';

describe('dockerHost', () => {
  it.each([
    [{ env: {} }, { kind: 'unix', path: '/var/run/docker.sock' }],
    [{ env: { DOCKER_HOST: '' } }, { kind: 'unix', path: '/var/run/docker.sock' }],
    [{ env: { DOCKER_HOST: 'unix:///x.sock' } }, { kind: 'unix', path: '/x.sock' }],
    [{ env: { DOCKER_HOST: 'unix://' } }, { kind: 'unix', path: '/var/run/docker.sock' }],
    [
      { socket: '/a.sock', env: { DOCKER_HOST: 'tcp://other:1' } },
      { kind: 'unix', path: '/a.sock' },
    ],
    [{ env: { DOCKER_HOST: 'tcp://127.0.0.1:2375' } }, { kind: 'tcp', host: '127.0.0.1', port: 2375 }],
    [{ env: { DOCKER_HOST: 'tcp://engine' } }, { kind: 'tcp', host: 'engine', port: 2375 }],
    [
      { socket: 'tcp://engine:80', env: {} },
      { kind: 'tcp', host: 'engine', port: 80 },
    ],
  ])('%j', (options, expected) => {
    expect(dockerHost(options)).toMatchObject(expected);
  });

  it.each([
    [{ env: { DOCKER_HOST: 'ssh://me@host' } }, /DOCKER_HOST is "ssh:\/\/me@host"; expected/],
    [{ socket: 'docker.sock', env: {} }, /the socket option is "docker.sock"/],
    [{ env: { DOCKER_HOST: 'tcp://engine:99999' } }, /expected tcp:\/\/host:port/],
    [
      { env: { DOCKER_HOST: 'tcp://engine:2376', DOCKER_TLS_VERIFY: '1' } },
      /TLS to the engine is not supported/,
    ],
  ])('refuses %j and says what would do', (options, message) => {
    const act = (): unknown => dockerHost(options);

    expect(act).toThrow(DockerError);
    expect(act).toThrow(message);
    expect(act).toThrow(expect.objectContaining({ code: 'DOCKER_BAD_HOST' }));
  });
});
