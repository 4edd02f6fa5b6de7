import type { Endpoint } from './endpoint.ts';

/** An address with its port, as it stood on one side of a translation; absent when that side is the same or not known. */
export interface NatAddress {
  /** RFC 5952 text. */
  readonly ip: string;
  /** Absent for protocols without ports. */
  readonly port?: number | undefined;
}

/**
 * The other side of a translated flow. The flow itself is as it was seen on the bridge; this says who really opened
 * it and what they asked for (RFC 3022; conntrack's original and reply tuples).
 * Absent where no translation is known of and none is suspected.
 */
export interface NatFact {
  /**
   * `published-port`: the destination was rewritten to a container. `masquerade`: the source is rewritten on the way out.
   * `hairpin`: a container reached another by the host's published port, both ends were rewritten. `docker-proxy`: the
   * userland proxy took the connection and opened another. `unknown`: something stands between, it is not known what.
   */
  readonly kind: 'published-port' | 'masquerade' | 'hairpin' | 'docker-proxy' | 'unknown';
  /** `conntrack`: the kernel's own table. `docker-proxy`: its two connections, joined. `none`: not known. */
  readonly method: 'conntrack' | 'docker-proxy' | 'none';
  /** As for an attribution. */
  readonly confidence: 'certain' | 'likely' | 'ambiguous' | 'none';
  /** Why not certain; absent only when it is. */
  readonly reason?: string | undefined;
  /** Who opened it, before any translation; absent when it is the flow's own originator, or not known. */
  readonly client?: Endpoint | undefined;
  /** Who answered it, after all translation; absent when it is the flow's own responder, or not known. */
  readonly server?: Endpoint | undefined;
  /** Labels of the clients it may have been; absent unless ambiguous. */
  readonly candidates?: readonly string[] | undefined;
  /** What the client asked for; absent when the destination was not rewritten, or it is not known. */
  readonly published?: NatAddress | undefined;
  /** What the responder saw as its peer; absent when the source was not rewritten, or it is not known. */
  readonly translatedSource?: NatAddress | undefined;
  /** Community ID of the connection as its client opened it; absent when not known or the same. */
  readonly originalCommunityId?: string | undefined;
}
