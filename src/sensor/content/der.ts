/** Just enough DER (X.690) to walk a certificate: tag, length, content; definite lengths of at most 3 bytes. */

export interface DerElement {
  tag: number;
  /** Of the content. */
  at: number;
  end: number;
}

/** The element at `at`; undefined where none fits before `end`. */
export function derElement(data: DataView, at: number, end: number): DerElement | undefined {
  if (end - at < 2) return undefined;
  const tag = data.getUint8(at);
  let length = data.getUint8(at + 1);
  let content = at + 2;
  if (length > 0x80) {
    const lengthBytes = length & 0x7f;
    if (lengthBytes > 3 || end - content < lengthBytes) return undefined;
    length = 0;
    for (let i = 0; i < lengthBytes; i++) length = (length << 8) | data.getUint8(content++);
  } else if (length === 0x80) {
    return undefined;
  }
  return content + length > end ? undefined : { tag, at: content, end: content + length };
}
