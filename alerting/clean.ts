// Log content is data. Whatever a line holds, in a mail it is text: it styles, moves and hides nothing.

/** Terminal sequences: CSI (colours, cursor), OSC (titles, links), and the two-byte ones. */
const ansi =
  // oxlint-disable-next-line no-control-regex
  /(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]|(?:\u001b\]|\u009d)[^\u0007\u001b\u009c\n]*(?:\u0007|\u001b\\|\u009c)?|\u001b[ -/]*[0-~]/g
/** Control characters but tab and newline, direction overrides, zero-width ones, line separators. */
const invisible =
  // oxlint-disable-next-line no-control-regex
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ufffe\uffff]/g

/** Text of several lines, at most `maxLength` characters. */
export function cleanText(text: string, maxLength: number): string {
  // Cut before cleaning as well: a line can have megabytes.
  const beginning = text.slice(0, maxLength * 4).toWellFormed()
  const clean = beginning
    .replaceAll('\r\n', '\n')
    .replace(ansi, '')
    .replace(invisible, '')
    .trimEnd()
  const cut = clean.length > maxLength || text.length > beginning.length
  return cut ? `${clean.slice(0, maxLength).toWellFormed()} …` : clean
}

/** Text of one line: fit for a subject or a cell. */
export function cleanLine(text: string, maxLength: number): string {
  return cleanText(
    text
      .slice(0, maxLength * 4)
      .replace(/\s+/g, ' ')
      .trim(),
    maxLength,
  )
}

const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? '')
}

/** The address if it is one a mail may link to; undefined for `javascript:` and whatever else. */
export function safeLink(address: string): string | undefined {
  try {
    const { protocol, href } = new URL(address)
    return protocol === 'https:' || protocol === 'http:' ? href : undefined
  } catch {
    return undefined
  }
}
