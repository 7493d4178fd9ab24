const simple: Readonly<Record<string, number>> = {
  a: 7,
  b: 8,
  f: 12,
  n: 10,
  r: 13,
  t: 9,
  v: 11,
  '\\': 92,
  '"': 34,
}

const escape =
  /\\(?:([abfnrtv\\"])|x([\da-fA-F]{2})|([0-7]{3})|u([\da-fA-F]{4})|U([\da-fA-F]{8}))|[^\\\n"]+/gy

/** The text of a Go string literal in double quotes; undefined where it is none, or its bytes are no UTF-8. */
export function unquoteGo(literal: string): string | undefined {
  const inner = literal.slice(1, -1)
  const parts: Buffer[] = []
  escape.lastIndex = 0
  while (escape.lastIndex < inner.length) {
    const match = escape.exec(inner)
    const part = match ? bytesOf(match) : undefined
    if (!part) return undefined
    parts.push(part)
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.concat(parts))
  } catch {
    return undefined
  }
}

function bytesOf([text, letter, hex, octal, short, long]: RegExpExecArray): Buffer | undefined {
  if (letter !== undefined) {
    const byte = simple[letter]
    return byte === undefined ? undefined : Buffer.of(byte)
  }
  if (hex !== undefined) return byteOf(parseInt(hex, 16))
  if (octal !== undefined) return byteOf(parseInt(octal, 8))
  const point = short ?? long
  if (point === undefined) return Buffer.from(text)
  return ofCodePoint(parseInt(point, 16))
}

function byteOf(value: number): Buffer | undefined {
  return value <= 0xff ? Buffer.of(value) : undefined
}

function ofCodePoint(code: number): Buffer | undefined {
  const possible = code <= 0x10ffff && (code < 0xd800 || code > 0xdfff)
  return possible ? Buffer.from(String.fromCodePoint(code)) : undefined
}
