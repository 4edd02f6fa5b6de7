/**
 * The choice of a backend, made here and nowhere else. `auto` takes the native one, and the portable one where
 * the binding is not built; it never changes backend for any other reason, and says when it does.
 */
import { captureError } from './capture-error.ts';
import { type FileOptions, openFile } from './file.ts';
import { libpcapVersion, nativeBindingProblem } from './native/index.ts';
import { CaptureError, type LiveOptions, type PacketSource } from './source.ts';

export const CAPTURE_BACKENDS = ['auto', 'native', 'portable'] as const;
export type CaptureBackend = (typeof CAPTURE_BACKENDS)[number];

export interface OpenedCapture {
  readonly source: PacketSource;
  /** What the operator should know about the choice; absent when there is nothing to say. */
  readonly notice?: string;
}

/** Opens a live tap, or rejects with a CaptureError. */
export async function openLiveTap(
  options: LiveOptions,
  backend: CaptureBackend = 'auto',
): Promise<OpenedCapture> {
  const problem = backend === 'auto' ? nativeBindingProblem() : undefined;
  // Each backend is loaded when it is used: reading a file needs neither.
  if (backend !== 'portable' && problem === undefined) {
    const { openLive } = await import('./live.ts');
    return { source: openLive(options) };
  }
  const { openPortableLive } = await import('./portable.ts');
  if (problem === undefined) return { source: await openPortableLive(options) };
  try {
    const source = await openPortableLive(options);
    return { source, notice: `capturing with the portable backend: ${problem.message}` };
  } catch (error) {
    if (!(error instanceof CaptureError)) throw error;
    throw new CaptureError(error.code, `${error.message}; tried after: ${problem.message}`, { cause: error });
  }
}

/** Why no live tap can open here, whatever the interface: what the backend is made of is missing. Else undefined. */
export async function liveCaptureProblem(
  backend: CaptureBackend = 'auto',
): Promise<CaptureError | undefined> {
  const binding = backend === 'portable' ? undefined : nativeBindingProblem();
  if (backend !== 'portable' && binding === undefined) return libpcapProblem();
  if (backend === 'native') return binding;
  const { portableProblem } = await import('./portable.ts');
  const portable = await portableProblem();
  if (portable === undefined || binding === undefined) return portable;
  return new CaptureError(portable.code, `${portable.message}; tried after: ${binding.message}`, {
    cause: portable,
  });
}

function libpcapProblem(): CaptureError | undefined {
  try {
    libpcapVersion();
    return undefined;
  } catch (error) {
    if (error instanceof CaptureError) return error;
    throw error;
  }
}

/** Opens a capture file, or rejects with a CaptureError. Our own reader needs no binding: `auto` is it. */
export async function openCaptureFile(
  options: FileOptions,
  backend: CaptureBackend = 'auto',
): Promise<OpenedCapture> {
  if (backend !== 'portable') return { source: await openFile(options) };
  if (options.filter || options.linkTypeOverride !== undefined) {
    throw captureError(
      'CAPTURE_UNSUPPORTED',
      `cannot read ${options.path}: the portable backend takes no filter and no other link type; use --capture-backend auto`,
    );
  }
  const { openPortableFile } = await import('./portable.ts');
  return { source: await openPortableFile(options.path) };
}

/** Whether the native backend could capture here, and with which libpcap; or why not. */
export type NativeStatus =
  | { readonly available: true; readonly libpcap: string }
  | { readonly available: false; readonly reason: string };

export function nativeStatus(): NativeStatus {
  const problem = nativeBindingProblem();
  if (problem !== undefined) return { available: false, reason: problem.message };
  const missing = libpcapProblem();
  if (missing !== undefined) return { available: false, reason: missing.message };
  return { available: true, libpcap: libpcapVersion() };
}
