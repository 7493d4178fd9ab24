import { readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, join, relative, sep } from 'node:path'
import { redirectOf } from '../../pipeline/http-redirect.ts'
import { refusalTrouble } from '../../pipeline/http-trouble.ts'
import { parseJson } from '../../pipeline/http.ts'
import type { Identity } from '../../pipeline/identity.ts'
import { readCapture } from './capture.ts'
import {
  dockerKinds,
  exactly,
  isMultiplexed,
  isRawLog,
  readApiLog,
  readDockerLines,
  type JsonLine,
} from './docker.ts'
import { isJsonFile, readLogFile } from './logs.ts'
import { marathonKinds, readPairs, readSse, refusals, refusalsByStatus } from './marathon.ts'
import { mesosKinds, readEvents, readRecordIo } from './mesos.ts'
import { consulKinds, readMetricsFile } from './others.ts'
import { failureOf, has, readAs, sentenceOf, type Understood } from './understood.ts'

/*
 * Feeds files to the code that would read them live. What a file is, is told by the folder it is in and by its shape.
 */

export interface Report {
  /** Relative to the directory. */
  path: string
  outcome: 'passed' | 'failed' | 'unread'
  says: string
  /** That were derived of it. */
  identities: readonly Identity[]
}

type Area = 'mesos' | 'marathon' | 'docker' | 'logs' | 'other' | 'unknown'

/** What was read of a file, or why it is not of a kind that is read. */
type Read = Understood | { unread: string }

export async function feedDirectory(dir: string): Promise<Report[]> {
  const reports: Report[] = []
  for (const path of filesIn(dir)) {
    reports.push({ path: relative(dir, path), ...(await feed(path, areaOf(dir, path))) })
  }
  return reports
}

async function feed(path: string, area: Area): Promise<Omit<Report, 'path'>> {
  try {
    const read = await readFile(path, area)
    if ('unread' in read) return { outcome: 'unread', says: read.unread, identities: [] }
    const { identities = [] } = read
    const failure = failureOf(read)
    const said = sentenceOf(read)
    if (failure === undefined) return { outcome: 'passed', says: said, identities }
    return { outcome: 'failed', says: said === '' ? failure : `${failure}: ${said}`, identities }
  } catch (error) {
    const said = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
    return { outcome: 'failed', says: said.slice(0, 300), identities: [] }
  }
}

function filesIn(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true })
    .filter(({ name }) => !name.startsWith('.'))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(dir, entry.name)
      // Links are followed; sockets and pipes are nothing to be read.
      const stat = statSync(path, { throwIfNoEntry: false })
      if (stat?.isDirectory()) return filesIn(path)
      return stat?.isFile() ? [path] : []
    })
}

const areas: [Area, RegExp][] = [
  ['mesos', /^mesos(?!cope)/i],
  ['marathon', /^marathon/i],
  ['docker', /^docker/i],
  ['logs', /^logs?$/i],
  ['other', /^(consul|cadvisor|node[_-]?exporter|prometheus|nagios|alertmanager|syslog)/i],
]

/** By the folders below the directory, from the outermost in; else by the directory's own name. */
function areaOf(dir: string, path: string): Area {
  const folders = relative(dir, path).split(sep).slice(0, -1)
  for (const folder of [...folders, basename(dir)]) {
    const found = areas.find(([, name]) => name.test(folder))
    if (found) return found[0]
  }
  return 'unknown'
}

const documents = /(\.meta\.txt|\.md|\.raml|\.ya?ml)$/i

async function readFile(path: string, area: Area): Promise<Read> {
  if (documents.test(path)) return { unread: 'a document' }
  const bytes = readFileSync(path)
  if (area === 'other') return readOther(path, bytes) ?? { unread: 'no collector reads this yet' }
  if (area === 'logs') return bytes.length === 0 ? nothingIn('a log') : readLogFile(path)
  if (bytes.length === 0) return area === 'unknown' ? { unread: 'empty' } : nothingIn('an answer')
  const rotated = /^(.*-json\.log)\.\d+(\.gz)?$/.exec(path)?.[1]
  if (rotated !== undefined && statSync(rotated, { throwIfNoEntry: false })) {
    return { counts: {}, problems: [], words: `read with ${basename(rotated)}` }
  }
  if (isJsonFile(bytes)) return readLogFile(path)
  const capture = readCapture(bytes)
  const isOfSandbox = area === 'mesos' && !capture && isText(bytes) && !isListing(bytes)
  if (isOfSandbox && (isSandboxFile(path) || isGlog(bytes))) return readLogFile(path)
  const read = capture ? readAnswer(capture, area) : readContent(bytes, area)
  if (read) return read
  // Heads of sandbox files.
  const isLog = isOfSandbox && /\.(txt|log)$/.test(path) && !isHttp(bytes)
  return isLog ? readLogFile(path) : { unread: 'no collector reads this yet' }
}

function readOther(path: string, bytes: Buffer): Read | undefined {
  const value = parsed(bytes.toString('utf8'))
  return value ? readAs(consulKinds, value.json) : readMetricsFile(path, bytes)
}

/** As Mesos, and its log rotation, names what a task prints. */
const isSandboxFile = (path: string) => /^(stdout|stderr)(\.\d+|\.logrotate)?$/.test(basename(path))

/** What Mesos itself writes: `I0101 12:00:00.123456  1234 exec.cpp:132] …`. */
const isGlog = (bytes: Buffer) =>
  /^(Log file created at: |[IWEF]\d{4}(\d{4})? \d\d:\d\d:\d\d\.\d+ )/.test(
    bytes.toString('latin1', 0, 80),
  )

/** An exchange that was noted down in another way: `< HTTP/1.1 200 OK`. */
const isHttp = (bytes: Buffer) => /^[<>*] |^(GET|POST) /.test(bytes.toString('latin1', 0, 80))

const nothingIn = (what: string): Understood => ({
  counts: {},
  problems: [],
  words: `${what} without content`,
})

/** A whole HTTP answer: what the client makes of it. */
function readAnswer(
  { status, headers, body }: NonNullable<ReturnType<typeof readCapture>>,
  area: Area,
): Read | undefined {
  const { location } = headers
  if (status >= 300 && status < 400 && location !== undefined) {
    const next = redirectOf(status, new URL('http://127.0.0.1:5050/'), 'GET', location)
    const words =
      'url' in next ? `a redirect to ${next.url.href}` : `a redirect that ${next.refused}`
    return { counts: {}, problems: [], words }
  }
  if (status > 299) {
    const answer = { status, headers, text: body.toString('utf8'), url: '' }
    const asked = { name: 'it', base: 'http://captured', method: 'GET', path: '/' }
    const { message } = refusalTrouble(asked, answer)
    return { counts: {}, problems: [], words: `a refusal: ${message.replace(/^.*?answered /, '')}` }
  }
  return body.length === 0 ? nothingIn('an answer') : readContent(body, area)
}

/** Undefined where its shape is none that is read. */
function readContent(bytes: Buffer, area: Area): Read | undefined {
  const text = bytes.toString('utf8').replace(/^\uFEFF/, '')
  if (text.trim() === '') return area === 'unknown' ? undefined : nothingIn('an answer')
  if (/^\s*<[!?a-z]/i.test(text))
    return { counts: {}, problems: [], words: `HTML instead of an answer` }
  const value = parsed(text)
  if (value !== undefined) return readJson(value.json, area)
  const lines = jsonLines(text) ?? documentsIn(text)
  if (lines) return readLines(lines, area)
  const special = readRecordIo(bytes) ?? (area === 'mesos' ? undefined : readSse(bytes))
  if (special) return special
  if (area !== 'mesos' && area !== 'marathon' && (isMultiplexed(bytes) || isRawLog(bytes))) {
    return readApiLog(bytes) ?? { unread: 'a log that was asked for without times' }
  }
  if (/^\s*[[{]/.test(text)) throw new Error('JSON that breaks off or is damaged')
  return area !== 'unknown' && isText(bytes) && isRefusal(text.trim())
    ? { counts: {}, problems: [], words: `a refusal: ${text.trim().slice(0, 120)}` }
    : undefined
}

/** A sentence or two; no table, no code, and no sign of life. */
const isRefusal = (text: string) =>
  text.length < 500 &&
  text.split('\n').length < 3 &&
  !/[\t{}$|]|^[<>*] /m.test(text) &&
  !['OK', 'pong'].includes(text)

function parsed(text: string): { json: unknown } | undefined {
  try {
    return { json: parseJson(text) }
  } catch {
    return undefined
  }
}

function jsonLines(text: string): JsonLine[] | undefined {
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  if (lines.length < 2 || !lines[0]?.startsWith('{')) return undefined
  const values = lines.flatMap((line) => {
    const read = parsed(line)
    return read ? [{ text: line, json: read.json }] : []
  })
  // The last one may be cut.
  return values.length >= lines.length - 1 ? values : undefined
}

/** Documents one after the other, as they are shown to people: each begins and ends at the margin. */
function documentsIn(text: string): JsonLine[] | undefined {
  const all = text.split(/(?<=\n\})\r?\n(?=\{)/)
  if (all.length < 2) return undefined
  const values = all.map((one) => parsed(one))
  return values.every((one) => one !== undefined)
    ? values.map(({ json }) => ({ text: JSON.stringify(json, exactly), json }))
    : undefined
}

/** Events with the time at which they came, as they were noted down. */
const unwrapped = (line: unknown) => (has(line, 'recv', 'event') ? line['event'] : line)

function readLines(lines: readonly JsonLine[], area: Area): Read | undefined {
  const values = lines.map(({ json }) => unwrapped(json))
  if (area !== 'docker' && values.every((one) => has(one, 'type'))) {
    const events = readEvents(values)
    if ((events.counts['events'] ?? 0) > 0) return events
  }
  if (area !== 'docker' && values.some((one) => has(one, 'eventType'))) {
    return readAs(marathonKinds, values)
  }
  return readDockerLines(lines)
}

function readJson(value: unknown, area: Area): Read | undefined {
  if (Array.isArray(value) && value.length === 0 && area !== 'unknown') {
    return { counts: {}, problems: [], words: 'an empty list' }
  }
  const kinds = {
    mesos: mesosKinds,
    marathon: marathonKinds,
    docker: dockerKinds,
    unknown: [...dockerKinds, ...mesosKinds, ...marathonKinds],
  }
  if (area === 'marathon' || area === 'unknown') {
    const pairs = readPairs(value)
    if (pairs) return withWords(pairs.understood, `${pairs.unread} not read yet`)
  }
  return readAs([...kinds[area as keyof typeof kinds], refusals, refusalsByStatus], value)
}

function withWords(read: Understood, words: string): Understood {
  return { ...read, words: [words, ...(read.words === undefined ? [] : [read.words])].join('; ') }
}

const isText = (bytes: Buffer) => !bytes.includes(0)

/** Of `ls` or `find`: about logs, but none. */
const isListing = (bytes: Buffer) =>
  /^(total \d+\n|\.\n\.\/)/.test(bytes.toString('latin1', 0, 200))
