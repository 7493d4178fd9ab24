/** The value of a field: a number, or the bytes of a text or of a message within. */
export type ProtobufValue = bigint | Uint8Array

/**
 * The fields of a protobuf message by their numbers, of a repeated one the last. Undefined where the bytes are no
 * message; never throws.
 *
 * @example
 * protobufFields(Buffer.from('0a0761742d3172616b', 'hex'))?.get(1) // the bytes of `at-1rak`
 */
export function protobufFields(bytes: Uint8Array): Map<number, ProtobufValue> | undefined {
  const entries = protobufEntries(bytes)
  return entries && new Map(entries)
}

/** The fields in their order, repeated ones as often as they stand there. */
export function protobufEntries(bytes: Uint8Array): [number, ProtobufValue][] | undefined {
  const fields: [number, ProtobufValue][] = []
  let at = 0

  /** At most ten bytes of seven bits each; undefined where it has no end. */
  function varint(): bigint | undefined {
    let value = 0n
    for (let shift = 0n; shift < 70n && at < bytes.length; shift += 7n) {
      const byte = bytes[at++] as number
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
    return undefined
  }

  function take(length: number): Uint8Array | undefined {
    if (length > bytes.length - at) return undefined
    at += length
    return bytes.subarray(at - length, at)
  }

  function value(wire: number): ProtobufValue | undefined {
    if (wire === 0) return varint()
    if (wire === 1) return take(8)
    if (wire === 5) return take(4)
    const length = wire === 2 ? varint() : undefined
    return length === undefined ? undefined : take(Number(length))
  }

  while (at < bytes.length) {
    const tag = varint()
    const found = tag === undefined ? undefined : value(Number(tag & 7n))
    if (tag === undefined || found === undefined) return undefined
    fields.push([Number(tag >> 3n), found])
  }
  return fields
}

/** A field that is text; undefined where it is none, or not there. */
export function protobufText(
  fields: ReadonlyMap<number, ProtobufValue> | undefined,
  field: number,
): string | undefined {
  const value = fields?.get(field)
  return value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : undefined
}
