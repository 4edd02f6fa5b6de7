import { describe, expect, it } from 'vitest';
import check from '../../../../src/sensor/audit/checks/engine-tcp.ts';
import { container, engine, failure, outcomes, port, settings } from '../support.ts';

const told = (hosts: readonly string[], fields = {}) => ({ settings: settings({ hosts, ...fields }) });
const held = (ip: string, port: number, isEngines: boolean | undefined = true) => [
  { protocol: 'tcp' as const, ip, port, isEngines },
];

describe('engine-tcp', () => {
  it('fails where the engine was told to listen in clear, and says how to mend it', () => {
    const found = failure(check, told(['unix:///x', 'tcp://0.0.0.0:2375']));

    expect(found.severity).toBe('critical');
    expect(found.explanation).toContain('tcp://0.0.0.0:2375 in clear');
    expect(found.remedy?.daemonJson).toContain('"tlsverify": true');
  });

  it('is a step milder on loopback only', () => {
    expect(outcomes(check, told(['tcp://127.0.0.1:2375']))).toEqual(['fail high engine']);
    expect(outcomes(check, told(['tcp://127.0.0.1:2375', 'tcp://198.51.100.2:2375']))).toEqual([
      'fail critical engine',
    ]);
  });

  it('wants certificates of clients: TLS alone keeps nobody out', () => {
    expect(outcomes(check, told(['tcp://0.0.0.0:2376'], { tls: true }))).toEqual(['fail critical engine']);
    expect(outcomes(check, told(['tcp://0.0.0.0:2376'], { tls: true, tlsVerify: true }))).toEqual([
      'pass engine',
    ]);
  });

  it("sees the socket that systemd handed over, and leaves out Swarm's and others' sockets", () => {
    const from = (listeners: ReturnType<typeof held>) => outcomes(check, { ...told(['fd://']), listeners });

    expect(from(held('::', 2375))).toEqual(['fail critical engine']);
    expect(from(held('::', 2377))).toEqual(['pass engine']);
    expect(from(held('::', 2375, false))).toEqual(['pass engine']);
  });

  it('takes a published port that the engine holds itself, without the userland proxy, for none of its own', () => {
    const containers = [container('db', { published: [port('0.0.0.0', 5432)] })];

    expect(outcomes(check, { containers, listeners: held('0.0.0.0', 5432) })).toEqual(['pass engine']);
    expect(outcomes(check, { containers, listeners: held('0.0.0.0', 5433) })).toEqual([
      'fail critical engine',
    ]);
  });

  it('believes what the engine says of itself', () => {
    const warnings = ['WARNING: API is accessible on http://0.0.0.0:2375 without encryption.'];

    expect(outcomes(check, { engine: engine({ warnings }) })).toEqual(['fail critical engine']);
  });

  it('is unknown where sockets were handed over and no listener can be read, and without the settings', () => {
    expect(outcomes(check, { ...told(['fd://']), listeners: undefined })).toEqual(['unknown host']);
    expect(outcomes(check, { settings: undefined })).toEqual(['unknown']);
    expect(outcomes(check, told(['unix:///x']))).toEqual(['pass engine']);
  });
});
