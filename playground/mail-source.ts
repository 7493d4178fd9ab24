import { MIMEType } from 'node:util'

/** What is read of a mail's source. */
export interface MailContent {
  /** By lower-case name, unfolded and decoded; of several with one name the first. */
  headers: Record<string, string>
  /** The first part of that type, decoded, lines ended by `\n`. */
  text?: string
  html?: string
}

const deepestPart = 8

/** Reads a mail (RFC 5322, MIME) as far as an alert mail needs: text and HTML part, encoded words. Never throws. */
export function readMail(source: Uint8Array): MailContent {
  const whole = Buffer.from(source).toString('latin1').replaceAll(/\r?\n/g, '\r\n')
  const content: MailContent = { headers: {} }
  content.headers = readPart(whole, content, 0)
  return content
}

/** Puts the part's text where it belongs and returns the part's headers. */
function readPart(part: string, content: MailContent, depth: number): Record<string, string> {
  const blank = part.startsWith('\r\n') ? 0 : part.indexOf('\r\n\r\n')
  const head = blank < 0 ? part : part.slice(0, blank)
  const body = blank < 0 ? '' : part.slice(blank).replace(/^(\r\n){1,2}/, '')
  const headers = readHeaders(head)
  const type = mimeType(headers['content-type'])
  const boundary = type.params.get('boundary')
  if (type.type === 'multipart' && boundary !== null) {
    if (depth < deepestPart) {
      for (const inner of between(body, boundary)) readPart(inner, content, depth + 1)
    }
  } else if (!headers['content-disposition']?.startsWith('attachment')) {
    const kind = { 'text/plain': 'text' as const, 'text/html': 'html' as const }[type.essence]
    if (kind) content[kind] ??= decodeBody(body, headers, type.params.get('charset'))
  }
  return headers
}

function readHeaders(head: string): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const line of head.replaceAll(/\r\n(?=[ \t])/g, '').split('\r\n')) {
    const colon = line.indexOf(':')
    const name = line.slice(0, Math.max(0, colon)).toLowerCase()
    if (name !== '' && !Object.hasOwn(headers, name)) {
      headers[name] = decodeWords(line.slice(colon + 1).trim())
    }
  }
  return headers
}

function mimeType(contentType: string | undefined): MIMEType {
  try {
    return new MIMEType(contentType ?? 'text/plain')
  } catch {
    return new MIMEType('text/plain')
  }
}

/** The parts between the lines `--boundary`, up to `--boundary--`. */
function between(body: string, boundary: string): string[] {
  const parts = `\r\n${body}`.split(`\r\n--${boundary}`).slice(1)
  const end = parts.findIndex((part) => part.startsWith('--'))
  return parts.slice(0, end < 0 ? undefined : end).map((part) => part.replace(/^[ \t]*\r\n/, ''))
}

function decodeBody(body: string, headers: Record<string, string>, charset: string | null): string {
  const encoding = headers['content-transfer-encoding']?.toLowerCase()
  const bytes =
    encoding === 'base64'
      ? Buffer.from(body, 'base64')
      : Buffer.from(encoding === 'quoted-printable' ? unquote(body) : body, 'latin1')
  return decodeCharset(bytes, charset ?? 'utf-8').replaceAll('\r\n', '\n')
}

function unquote(text: string): string {
  return text.replaceAll(/=[ \t]*\r\n/g, '').replaceAll(/=([0-9A-Fa-f]{2})/g, fromHex)
}

function fromHex(_: string, hex: string): string {
  return String.fromCharCode(Number.parseInt(hex, 16))
}

/** `=?UTF-8?Q?caf=C3=A9?=`; white space between two of them is none. */
function decodeWords(header: string): string {
  const utf8 = decodeCharset(Buffer.from(header, 'latin1'), 'utf-8')
  return utf8
    .replaceAll(/(=\?[^? ]+\?[BbQq]\?[^? ]*\?=)\s+(?==\?)/g, '$1')
    .replaceAll(
      /=\?([^? ]+)\?([BbQq])\?([^? ]*)\?=/g,
      (_, charset: string, kind, coded: string) => {
        const quoted = () => unquote(coded.replaceAll('_', ' '))
        const bytes =
          kind.toUpperCase() === 'B'
            ? Buffer.from(coded, 'base64')
            : Buffer.from(quoted(), 'latin1')
        return decodeCharset(bytes, charset)
      },
    )
}

function decodeCharset(bytes: Uint8Array, charset: string): string {
  try {
    return new TextDecoder(charset).decode(bytes)
  } catch {
    return Buffer.from(bytes).toString('latin1')
  }
}
