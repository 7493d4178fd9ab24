import { levelOf, levelWordAt } from './level.ts'

/*
 * Which lines belong together: stack traces and indented blocks. Whether a line goes on depends on the lines of the
 * event held so far and on nothing before them, so that reading again from the beginning of an event decides alike.
 * Text is JSON-escaped: a tab is `\t` or, as Docker writes it, `\u0009`.
 */

/** What the lines of the held event are like, as far as the next line's fate depends on it. */
export const shapes = {
  /** Complete in one line: nothing can follow. */
  single: 0,
  /** Any text; indented lines follow it. */
  plain: 1,
  /** A stack trace of no special form. */
  trace: 2,
  /** The next line is the message, whatever it looks like (Dart, Rust, Java's `nested exception is:`, Node's caret). */
  message: 3,
  /** Python: inside the frames; the first line that is not indented is the exception. */
  pythonFrames: 4,
  /** Python: behind the exception; only a chained one follows. */
  pythonEnd: 5,
  /** Go: behind `panic:`. */
  goPanic: 6,
  /** Go: inside `goroutine 1 [running]:`. */
  goFrames: 7,
  /** Inside a PEM private key. */
  privateKey: 8,
} as const
export type Shape = (typeof shapes)[keyof typeof shapes]

/** No event has more lines than this. */
export const maxEventLines = 1000

const space = 0x20
const backslash = 0x5c

/** Is this the shape of a stack trace? */
export function isTrace(shape: Shape): boolean {
  return shape >= shapes.trace && shape !== shapes.privateKey
}

/** The shape of an event that begins with this line. `suspect`: see `Redactor.scan`. */
export function shapeOfFirst(line: string, suspect: boolean): Shape {
  if (suspect && beginsPrivateKey(line)) return shapes.privateKey
  switch (line.charCodeAt(0)) {
    case 0x7b: // {
      return line.length > 1 && line.endsWith('}') ? shapes.single : shapes.plain
    case 0x54: // T
      return line.startsWith('Traceback (most recent call last)')
        ? shapes.pythonFrames
        : shapes.plain
    case 0x70: // p
      return line.startsWith('panic: ') ? shapes.goPanic : shapes.plain
    case 0x66: // f
      return line.startsWith('fatal error: ') ? shapes.goPanic : shapes.plain
    case 0x67: // g
      return isGoroutine(line) ? shapes.goFrames : shapes.plain
    case 0x55: // U
      return line === 'Unhandled exception:' ? shapes.message : shapes.plain
    case 0x74: // t
      return isRustPanic(line) ? shapeOfRust(line) : shapes.plain
    default:
      return line === '' ? shapes.single : shapes.plain
  }
}

/** The shape of the event when this line is added; `single` if it does not belong to it. `held` is its text so far. */
export function shapeWith(shape: Shape, held: string, line: string): Shape {
  if (shape === shapes.single) return shapes.single
  if (shape === shapes.privateKey) return insidePrivateKey(line)
  const first = line.charCodeAt(0)
  if ((first >= 0x30 && first <= 0x39) || first === 0x7b) return shapes.single
  if (first === space || (first === backslash && tabAt(line, 0) > 0)) {
    return indented(shape, line)
  }
  if (shape === shapes.plain) {
    return maybeFollows[first] === true ? followsPlain(held, line) : shapes.single
  }
  return line === '' ? shape : followsTrace(shape, held, line)
}

/** First characters of lines without indentation that {@link followsPlain} may accept. */
const maybeFollows: boolean[] = []
for (const char of 'CS.-TgPabcdefhijklmnopqrstuvwxyz') maybeFollows[char.charCodeAt(0)] = true

function beginsPrivateKey(line: string): boolean {
  const last = line.lastIndexOf('PRIVATE KEY-----')
  return last !== -1 && /-----BEGIN [A-Z0-9 ]*$/.test(line.slice(Math.max(0, last - 60), last))
}

function insidePrivateKey(line: string): Shape {
  if (/^\s*-----END [A-Z0-9 ]*PRIVATE KEY-----/.test(line)) return shapes.plain
  const inside = /^(?: |\\t|\\u0009)*(?:[A-Za-z0-9+/=]*|[A-Z][A-Za-z-]{2,20}: [\w,.@ -]*)$/.test(
    line,
  )
  return inside ? shapes.privateKey : shapes.single
}

const isGoroutine = (line: string) => /^goroutine \d+ (?:gp=.{0,80})?\[/.test(line)
const isRustPanic = (line: string) =>
  line.startsWith('thread ') && line.slice(0, 512).includes(' panicked at ')
const shapeOfRust = (line: string): Shape => (line.endsWith(':') ? shapes.message : shapes.trace)

/** The length of the escaped tab at `at`; 0 if there is none. */
function tabAt(line: string, at: number): number {
  if (line.charCodeAt(at + 1) === 0x74) return 2
  return line.startsWith('u0009', at + 1) ? 6 : 0
}

/** Behind the indentation: spaces and escaped tabs. */
function indentOf(line: string): number {
  let at = 0
  for (;;) {
    if (line.charCodeAt(at) === space) at++
    else if (line.charCodeAt(at) === backslash && tabAt(line, at) > 0) at += tabAt(line, at)
    else return at
  }
}

const timestamp =
  /\[?(?:\d{4}[-/]\d\d[-/]\d\d|\d\d:\d\d:\d\d|\d\d\/[A-Z][a-z]{2}\/\d{4}|[A-Z][a-z]{2} [ \d]\d \d\d:)/y

function indented(shape: Shape, line: string): Shape {
  const at = indentOf(line)
  if (shape === shapes.plain && beginsRecord(line, at)) return shapes.single
  if (line.startsWith('at ', at) || line.startsWith('... ', at)) {
    return shape === shapes.pythonFrames ? shape : shapes.trace
  }
  if (line.endsWith('nested exception is:')) return shapes.message
  if (line.charCodeAt(at) === 0x5e && at === line.length - 1 && shape === shapes.plain) {
    return shapes.message
  }
  if (line.startsWith('Traceback (most recent call last)', at)) return shapes.pythonFrames
  return shape
}

/** An indented line that is nevertheless a log line of its own: a time, a level word or a JSON object stands first. */
function beginsRecord(line: string, at: number): boolean {
  const first = line.charCodeAt(at)
  if (first === 0x7b) return line.startsWith('{\\"', at) && line.endsWith('}')
  if (first === 0x5b && levelWordAt(line, at + 1)) return true
  if (levelWordAt(line, at)) return true
  timestamp.lastIndex = at
  return timestamp.test(line)
}

/** Lines without indentation that follow any text. */
function followsPlain(held: string, line: string): Shape {
  if (followsAnything(line)) return shapes.trace
  if (line.startsWith('Traceback (most recent call last)')) {
    return tellsError(held) ? shapes.pythonFrames : shapes.single
  }
  if (isGoroutine(line)) return shapes.goFrames
  return isJavaException(line) && tellsError(held) ? shapes.trace : shapes.single
}

const anywhere = [
  'Caused by: ',
  'Suppressed: ',
  '... ',
  '--- End of ',
  'Stack trace:',
  'PHP Stack trace:',
]

function followsAnything(line: string): boolean {
  return anywhere.some((start) => line.startsWith(start))
}

/** `logger.error('…', exception)` writes a line of its own before the trace. */
function tellsError(held: string): boolean {
  const level = levelOf(held)
  return level === 'error' || level === 'fatal' || level === 'warn'
}

function isJavaException(line: string): boolean {
  const head = line.slice(0, 256)
  if (!head.includes('Exception') && !head.includes('Error') && !head.includes('Throwable')) {
    return false
  }
  return /^(?:[a-z_][\w$]*\.)+[A-Z][\w$]*(?:Exception|Error|Throwable)(?:: |:?$)/.test(head)
}

/** Lines without indentation that follow a stack trace. */
function followsTrace(shape: Shape, held: string, line: string): Shape {
  if (followsAnything(line)) return shapes.trace
  switch (shape) {
    case shapes.message:
      return beginsRecord(line, 0) ? shapes.single : shapes.trace
    case shapes.pythonFrames:
      return /^[A-Za-z_][\w.]*(?::|$)/.test(line) && !beginsRecord(line, 0)
        ? shapes.pythonEnd
        : shapes.single
    case shapes.pythonEnd:
      return followsPython(held, line)
    case shapes.goPanic:
      if (line.startsWith('[signal ') || line.startsWith('panic: ')) return shape
      return isGoroutine(line) ? shapes.goFrames : shapes.single
    case shapes.goFrames:
      return isGoLine(line) ? shape : shapes.single
    default:
      return isTraceLine(held, line) ? shapes.trace : shapes.single
  }
}

const chained = [
  'During handling of the above exception',
  'The above exception was the direct cause',
]

function followsPython(held: string, line: string): Shape {
  if (chained.some((start) => line.startsWith(start))) return shapes.pythonEnd
  const isNext = line.startsWith('Traceback (most recent call last)')
  const last = held.slice(held.lastIndexOf('\\n', held.length - 4) + 2)
  return isNext && endsChained(last) ? shapes.pythonFrames : shapes.single
}

function endsChained(last: string): boolean {
  return chained.some((start) => last.includes(start))
}

/** A function, a file, the next goroutine. */
function isGoLine(line: string): boolean {
  if (line.startsWith('created by ') || isGoroutine(line)) return true
  if (line.startsWith('exit status ') || line.startsWith('...additional frames')) return true
  return line.endsWith(')') && line.indexOf('(') > 0 && !/ .*\(/.test(line.slice(0, 256))
}

/** PHP's and Dart's numbered frames, Rust's notes, what Node prints behind a trace. */
function isTraceLine(held: string, line: string): boolean {
  if (/^#\d+ /.test(line) || /^PHP {1,3}\d+\. /.test(line)) return true
  if (line.startsWith('stack backtrace:') || line.startsWith('note: ')) return true
  if (/^(?:<|\\u003c)asynchronous suspension/.test(line)) return true
  if (line === '}') return held.includes(' {\\n')
  return line.startsWith('Node.js v')
}
