/**
 * `level=info msg="it works" took=12ms done`: pairs as Go's services write them. Values keep their text, but for numbers; a name
 * alone is true. Undefined where there is no pair. Takes linear time, whatever the message.
 */
export function parseLogfmt(message: string): Record<string, unknown> | undefined {
  const fields: Record<string, unknown> = Object.create(null) as Record<string, unknown>
  let pairs = 0
  for (let at = 0; at < message.length;) {
    if (isSpace(message.charCodeAt(at))) {
      at++
      continue
    }
    const nameEnd = endOfName(message, at)
    const name = message.slice(at, nameEnd)
    if (message[nameEnd] !== '=') {
      if (name !== '') fields[name] = true
      at = Math.max(nameEnd, at + 1)
      continue
    }
    const [value, end] = readValue(message, nameEnd + 1)
    if (name !== '') {
      fields[name] = value
      pairs++
    }
    at = end
  }
  return pairs === 0 ? undefined : fields
}

const isSpace = (code: number) => code <= 0x20
const quote = 0x22

function endOfName(message: string, from: number): number {
  let at = from
  while (at < message.length) {
    const code = message.charCodeAt(at)
    if (isSpace(code) || code === 0x3d || code === quote) break
    at++
  }
  return at
}

function readValue(message: string, from: number): [value: unknown, end: number] {
  if (message.charCodeAt(from) === quote) return readQuoted(message, from)
  let end = from
  while (end < message.length && !isSpace(message.charCodeAt(end))) end++
  const text = message.slice(from, end)
  return [/^-?\d+(?:\.\d+)?$/.test(text) ? Number(text) : text, end]
}

/** Up to its closing quote; without one up to the end. */
function readQuoted(message: string, from: number): [value: string, end: number] {
  for (let at = from + 1; at < message.length; at++) {
    const code = message.charCodeAt(at)
    if (code === 0x5c) at++
    else if (code === quote) return [unquoted(message.slice(from, at + 1)), at + 1]
  }
  return [message.slice(from + 1), message.length]
}

function unquoted(text: string): string {
  try {
    return JSON.parse(text) as string
  } catch {
    return text.slice(1, -1)
  }
}
