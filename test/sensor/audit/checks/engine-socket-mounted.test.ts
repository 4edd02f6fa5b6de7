import { describe, expect, it } from 'vitest';
import check from '../../../../src/sensor/audit/checks/engine-socket-mounted.ts';
import { container, failure, outcomes, service } from '../support.ts';

const mount = (source: string, type = 'bind') => [{ type, source, destination: '/x', isWritable: false }];

describe('engine-socket-mounted', () => {
  it.each(['/var/run/docker.sock', '/run/containerd/containerd.sock', '/', '/run/', '/var/run'])(
    'fails where %s is mounted, read-only or not',
    (source) => {
      expect(outcomes(check, { containers: [container('a', { mounts: mount(source) })] })).toEqual([
        'fail high a',
      ]);
    },
  );

  it.each(['/srv/data', '/var/run/dbus', '/srv/docker.sock.d'])('passes where %s is', (source) => {
    expect(outcomes(check, { containers: [container('a', { mounts: mount(source) })] })).toEqual(['pass a']);
  });

  it('does not take a volume of that name for a mount of the host', () => {
    const mounts = mount('/var/lib/docker/volumes/x/_data/docker.sock', 'volume');

    expect(outcomes(check, { containers: [container('a', { mounts })] })).toEqual(['pass a']);
  });

  it('gives the lines of the service, and says that it was read-only', () => {
    const found = failure(check, {
      containers: [service('ops', 'proxy', { mounts: mount('/run/docker.sock') })],
    });

    expect(found.evidence['mounts']).toEqual(['/run/docker.sock:/x:ro']);
    expect(found.remedy?.compose).toContain('  proxy:\n    environment:');
  });
});
