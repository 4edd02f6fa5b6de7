import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nativeBindingProblem } from '../../capture/native/index.ts';
import { nativeStatus, openCaptureFile, openLiveTap } from '../../capture/open.ts';
import { type BuiltCapture, buildCapture } from '../support/built-capture.ts';
import { collect, payload, scratchFolder } from '../support/frames.ts';
import { pcapFile } from '../support/pcap-writer.ts';

const write = scratchFolder();
const noBinding = nativeBindingProblem();
if (noBinding !== undefined) console.warn(`SKIPPED: native is not chosen anywhere: ${noBinding.message}`);
const isRoot = process.geteuid?.() === 0;
if (!isRoot) console.warn('SKIPPED: no live tap is opened: it needs root');

describe('the backend of a file', () => {
  const path = write('one.pcap', pcapFile([{ data: payload(60), sec: 1, fraction: 1 }]));

  it.each([
    ['auto', 'file'],
    ['native', 'file'],
    ['portable', 'portable'],
  ] as const)('%s is read by %s', async (backend, reader) => {
    const { source, notice } = await openCaptureFile({ path }, backend);

    expect(source.backend).toBe(reader);
    expect(notice).toBeUndefined();
    expect((await collect(source)).frames.length).toBe(1);
  });

  it('portable refuses what it cannot do', async () => {
    const filtered = openCaptureFile({ path, filter: 'udp' }, 'portable');
    const overridden = openCaptureFile({ path, linkTypeOverride: 101 }, 'portable');

    await expect(filtered).rejects.toMatchObject({ code: 'CAPTURE_UNSUPPORTED' });
    await expect(overridden).rejects.toMatchObject({ code: 'CAPTURE_UNSUPPORTED' });
  });
});

describe.skipIf(noBinding !== undefined || !isRoot)('the backend of a live tap, with the binding', () => {
  it.each([
    ['auto', 'native'],
    ['native', 'native'],
  ] as const)('%s is %s', async (backend, chosen) => {
    const { source, notice } = await openLiveTap({ interface: 'lo' }, backend);
    source.close();

    expect(source.backend).toBe(chosen);
    expect(notice).toBeUndefined();
  });

  it('auto does not turn to portable for an interface that native refuses', async () => {
    await expect(openLiveTap({ interface: 'nosuch0' })).rejects.toMatchObject({
      code: 'CAPTURE_NO_INTERFACE',
    });
  });

  it('is known to doctor, with the version of libpcap', () => {
    expect(nativeStatus()).toMatchObject({ available: true, libpcap: expect.stringContaining('libpcap') });
  });
});

describe.skipIf(!isRoot)('without the binding', () => {
  let withCap: BuiltCapture;
  let bare: BuiltCapture;

  beforeAll(() => {
    withCap = buildCapture(['cap', 'pcap-parser']);
    bare = buildCapture([]);
  });

  afterAll(() => {
    withCap.remove();
    bare.remove();
  });

  const open = (backend: string): string => `
    import { openLiveTap } from 'capture/open.js';
    try {
      const { source, notice } = await openLiveTap({ interface: 'lo' }, '${backend}');
      source.close();
      await source.run(() => {});
      console.log(JSON.stringify({ backend: source.backend, notice }));
    } catch (error) {
      console.log(JSON.stringify({ code: error.code, message: error.message }));
    }`;

  it('auto turns to portable and says so', async () => {
    const { backend, notice } = JSON.parse(await withCap.run(open('auto')));

    expect(backend).toBe('portable');
    expect(notice).toContain('capturing with the portable backend: the libpcap binding is not built');
  });

  it('native is refused, with what to do', async () => {
    const { code, message } = JSON.parse(await withCap.run(open('native')));

    expect(code).toBe('CAPTURE_NO_BINDING');
    expect(message).toContain('npm run build:native');
  });

  it('auto names both failures when there is no cap either', async () => {
    const { code, message } = JSON.parse(await bare.run(open('auto')));

    expect(code).toBe('CAPTURE_NO_BINDING');
    expect(message).toContain('the npm package cap does not load');
    expect(message).toContain('the libpcap binding is not built');
  });

  it('a file is read all the same, but not filtered', async () => {
    const path = write('plain.pcap', pcapFile([{ data: payload(60), sec: 1, fraction: 1 }]));
    const output = await bare.run(`
      import { openCaptureFile, nativeStatus } from 'capture/open.js';
      let frames = 0;
      const { source } = await openCaptureFile({ path: '${path}' });
      await source.run((batch) => { frames += batch.count; });
      const refusal = await openCaptureFile({ path: '${path}', filter: 'udp' }).catch((error) => error.code);
      console.log(JSON.stringify({ frames, refusal, native: nativeStatus().available }));`);

    expect(JSON.parse(output)).toEqual({ frames: 1, refusal: 'CAPTURE_NO_BINDING', native: false });
  });
});
