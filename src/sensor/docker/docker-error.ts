/** What can go wrong between us and the engine. Every message says which address was tried and what to do. */
export type DockerErrorCode =
  /** The socket file does not exist. */
  | 'DOCKER_NO_SOCKET'
  | 'DOCKER_PERMISSION'
  /** Refused, reset, cut in mid-answer, or silent past the deadline. */
  | 'DOCKER_NOT_ANSWERING'
  /** The engine answered, with an error status. */
  | 'DOCKER_API'
  /** The engine answered with something that is not JSON. */
  | 'DOCKER_BAD_ANSWER'
  /** The configured address is none that we can use. */
  | 'DOCKER_BAD_HOST'
  /** We asked it to stop. */
  | 'DOCKER_ABORTED';

export class DockerError extends Error {
  readonly code: DockerErrorCode;
  /** HTTP status, with DOCKER_API only. */
  readonly status?: number;

  constructor(code: DockerErrorCode, message: string, options?: ErrorOptions & { readonly status?: number }) {
    super(`${message} (${code})`, options);
    this.name = 'DockerError';
    this.code = code;
    if (options?.status !== undefined) this.status = options.status;
  }
}
