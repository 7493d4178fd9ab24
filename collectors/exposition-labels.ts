/** Labels as they stand in a line. */
export interface LabelsAt {
  /** Where it stands between them, as a quoted name does: `{"http.requests", code="200"}`. */
  name?: string | undefined
  labels: Record<string, string>
  /** Behind the closing brace. */
  end: number
}

const quote = 0x22

/** Reads `{a="b", "c.d"="e\n"}` from its opening brace on; undefined where it is none. Takes linear time. */
export function readLabels(line: string, open: number): LabelsAt | undefined {
  const labels: Record<string, string> = {}
  let name: string | undefined
  let at = skip(line, open + 1)
  while (line.charCodeAt(at) !== 0x7d) {
    const key = readKey(line, at)
    if (!key) return undefined
    at = skip(line, key.end)
    if (line.charCodeAt(at) === 0x3d) {
      const value = readQuoted(line, skip(line, at + 1))
      if (!value) return undefined
      if (key.text !== '__proto__') labels[key.text] = value.text
      at = skip(line, value.end)
    } else if (key.isQuoted) name = key.text
    else return undefined
    if (line.charCodeAt(at) === 0x2c) at = skip(line, at + 1)
    else if (line.charCodeAt(at) !== 0x7d) return undefined
  }
  return { ...(name === undefined ? {} : { name }), labels, end: at + 1 }
}

interface Text {
  text: string
  end: number
  isQuoted: boolean
}

function readKey(line: string, from: number): Text | undefined {
  if (line.charCodeAt(from) === quote) return readQuoted(line, from)
  let end = from
  while (isWord(line.charCodeAt(end))) end++
  return end === from ? undefined : { text: line.slice(from, end), end, isQuoted: false }
}

function readQuoted(line: string, from: number): Text | undefined {
  if (line.charCodeAt(from) !== quote) return undefined
  const close = line.indexOf('"', from + 1)
  if (close === -1) return undefined
  // Looked for in the text alone: searching the rest of the line for each label takes quadratic time.
  const text = line.slice(from + 1, close)
  return text.includes('\\') ? readEscaped(line, from) : { text, end: close + 1, isQuoted: true }
}

function readEscaped(line: string, from: number): Text | undefined {
  let text = ''
  let start = from + 1
  for (let at = start; at < line.length; at++) {
    const code = line.charCodeAt(at)
    if (code === quote) return { text: text + line.slice(start, at), end: at + 1, isQuoted: true }
    if (code !== 0x5c) continue
    const next = line[at + 1]
    text += line.slice(start, at) + (next === 'n' ? '\n' : (next ?? ''))
    // What is no escape stays as it is.
    if (next !== undefined && next !== 'n' && next !== '"' && next !== '\\') {
      text = `${text.slice(0, -1)}\\${next}`
    }
    at++
    start = at + 1
  }
  return undefined
}

/** Letters, digits, `_`; colons and dots do no harm. */
function isWord(code: number): boolean {
  return (
    (code >= 0x61 && code <= 0x7a) ||
    (code >= 0x41 && code <= 0x5a) ||
    (code >= 0x30 && code <= 0x3a) ||
    code === 0x5f ||
    code === 0x2e
  )
}

function skip(line: string, from: number): number {
  let at = from
  while (line.charCodeAt(at) === 0x20 || line.charCodeAt(at) === 0x09) at++
  return at
}
