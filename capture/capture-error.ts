/** One form for what the world refuses: the message, then the code that documentation and scripts go by. */
import { CaptureError, type CaptureErrorCode } from './source.ts';

export function captureError(code: CaptureErrorCode, message: string, cause?: unknown): CaptureError {
  return new CaptureError(code, `${message} (${code})`, cause === undefined ? undefined : { cause });
}
