/** Where the API's Unix socket stands: beside the database, so that whoever finds the one finds the other. */
export function socketPath(storePath: string): string {
  return `${storePath}.sock`;
}

/** `sun_path` of unix(7) with its final zero. Node 20 cuts a longer path in silence, and meets another file. */
export const MAX_SOCKET_PATH_BYTES = 107;
