/** How much of a project is read: far more than people write, and little enough that hostile files cost a second at most. */

/** Of one file. The largest known ones (a whole forge, generated) have some 100 KiB. */
export const MAX_FILE_BYTES = 256 * 1024;
/** Of a project: with all that `include` and `extends` bring. */
export const MAX_FILES = 64;
/** Of all files together. */
export const MAX_TOTAL_BYTES = 1024 * 1024;
/** Values of a project after aliases are followed: an alias counts for all that it stands for. */
export const MAX_NODES = 100_000;
export const MAX_DEPTH = 64;
/** Of a text after its variables are put in, which may hold each other. */
export const MAX_TEXT_CHARS = 64 * 1024;
/** `${A:-${B:-...}}` */
export const MAX_NESTED_DEFAULTS = 16;
/** Services that extend each other, files that include each other. */
export const MAX_CHAIN = 32;
export const MAX_SERVICES = 2_000;
/** A range of 10,000 ports is not rare (RTP); all ports of all services are. */
export const MAX_PORTS = 100_000;
