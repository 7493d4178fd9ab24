/**
 * Access lines of web servers in the common and the combined format, which nginx, Apache and many others write, also
 * behind a prefix (a virtual host, a syslog head, a list of forwarded addresses):
 *
 * `203.0.113.9 - ada [22/Nov/2026:18:25:51 +0000] "GET /cart?id=5 HTTP/1.1" 502 571 "https://shop/" "curl/8"`
 *
 * What the server writes as `-` is absent. Texts are as they stand in the line, escapes included.
 */
export interface AccessLine {
  /** What stands in the client's place: of several addresses the last. */
  client: string
  /** Who is logged in. */
  user?: string
  /** This and the next two are absent where the server could not make sense of the request. */
  method?: string
  /** Without its query. */
  path?: string
  protocol?: string
  status: number
  /** Of the answer's body. */
  bytes?: number
  referer?: string
  user_agent?: string
}

export const accessFields: ReadonlySet<string> = new Set([
  'client',
  'user',
  'method',
  'path',
  'protocol',
  'status',
  'bytes',
  'referer',
  'user_agent',
] satisfies (keyof AccessLine)[])

const requestMark = '] "'

/** How what stands in every access line looks in JSON. */
export const accessMark = '] \\"'

/** Undefined where the message is none. Takes linear time, whatever the message. */
export function parseAccessLine(message: string): AccessLine | undefined {
  let open = message.indexOf(requestMark)
  while (open >= 0) {
    const start = open + requestMark.length
    const end = closingQuote(message, start)
    if (end < 0) return undefined
    const found = readAround(message, open, end)
    if (found) return found
    open = message.indexOf(requestMark, start)
  }
  return undefined
}

/** The request stands between the quotes that begin and end there. */
function readAround(message: string, open: number, end: number): AccessLine | undefined {
  statusAndBytes.lastIndex = end + 1
  const answer = statusAndBytes.exec(message)
  const who = answer && readWho(message, open)
  if (!who) return undefined
  const bytes = answer[2] === undefined || answer[2] === '-' ? undefined : Number(answer[2])
  const [referer, after] = readQuoted(message, end + 1 + answer[0].length)
  const [agent] = readQuoted(message, after)
  return {
    ...who,
    ...readRequest(message.slice(open + requestMark.length, end)),
    status: Number(answer[1]),
    ...(bytes === undefined ? {} : { bytes }),
    ...(referer === undefined ? {} : { referer }),
    ...(agent === undefined ? {} : { user_agent: agent }),
  }
}

const statusAndBytes = / (\d{3})(?: (\d{1,15}|-))?(?![^ \r\n])/y

type Request = Pick<AccessLine, 'method' | 'path' | 'protocol'>

/** `GET /cart?id=5 HTTP/1.1` */
function readRequest(text: string): Request | undefined {
  const first = text.indexOf(' ')
  const last = text.lastIndexOf(' ')
  if (first <= 0 || last - first < 2) return undefined
  const [method, protocol] = [text.slice(0, first), text.slice(last + 1)]
  if (!isMethod.test(method) || !isProtocol.test(protocol)) return undefined
  const target = text.slice(first + 1, last)
  const query = target.indexOf('?')
  return { method, path: query < 0 ? target : target.slice(0, query), protocol }
}

const isMethod = /^[A-Z][A-Z_-]{0,31}$/
const isProtocol = /^HTTP\/\d(?:\.\d)?$/

/** Longer ones are no time. */
const maxTime = 64

/** `203.0.113.9 - ada [22/Nov/2026:18:25:51 +0000`, whose time ends at `open`. */
function readWho(message: string, open: number): Pick<AccessLine, 'client' | 'user'> | undefined {
  const near = Math.max(0, open - maxTime)
  const time = near + message.slice(near, open).lastIndexOf(' [')
  if (time < near || !/^\d/.test(message.slice(time + 2, time + 3))) return undefined
  const userAt = message.lastIndexOf(' ', time - 1)
  const identAt = userAt < 1 ? -1 : message.lastIndexOf(' ', userAt - 1)
  if (identAt < 1) return undefined
  const client = message.slice(message.lastIndexOf(' ', identAt - 1) + 1, identAt)
  const user = message.slice(userAt + 1, time)
  if (client === '') return undefined
  return user === '-' || user === '' ? { client } : { client, user }
}

/** A text in quotes behind a space, if there is one, and where it ends. */
function readQuoted(message: string, at: number): [text: string | undefined, end: number] {
  if (!message.startsWith(' "', at)) return [undefined, at]
  const end = closingQuote(message, at + 2)
  if (end < 0) return [undefined, message.length]
  const text = message.slice(at + 2, end)
  return [text === '-' || text === '' ? undefined : text, end + 1]
}

/** The next quote that no backslash escapes; -1 if there is none. */
function closingQuote(message: string, from: number): number {
  for (let at = message.indexOf('"', from); at >= 0; at = message.indexOf('"', at + 1)) {
    let before = at
    while (before > from && message.charCodeAt(before - 1) === backslash) before--
    if ((at - before) % 2 === 0) return at
  }
  return -1
}

const backslash = 0x5c
