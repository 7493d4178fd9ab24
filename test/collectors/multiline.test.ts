import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { shapeOfFirst, shapes, shapeWith, type Shape } from '../../collectors/multiline.ts'

/** The events of a text, each as its lines. `tab`: how the writer escapes a tab. */
function events(text: string, tab = '\\t'): string[][] {
  const found: string[][] = []
  let held = ''
  let shape: Shape = shapes.single
  for (const line of text.split('\n')) {
    const escaped = JSON.stringify(line).slice(1, -1).replaceAll('\\t', tab)
    const next = shapeWith(shape, held, escaped)
    if (next === shapes.single) {
      found.push([line])
      held = escaped
      shape = shapeOfFirst(escaped, line.includes('PRIVATE KEY'))
    } else {
      found.at(-1)?.push(line)
      held += `\\n${escaped}`
      shape = next
    }
  }
  return found
}

const sizes = (text: string, tab?: string) => events(text, tab).map((lines) => lines.length)

const joined: Record<string, { text: string; sizes: number[] }> = {
  'Java behind its log line': {
    text: '2026-11-22 18:00:00 ERROR failed\njava.lang.IllegalStateException: x\n\tat a.B.c(B.java:1)\nCaused by: java.io.IOException\n\t... 12 more\n2026-11-22 18:00:01 INFO ok',
    sizes: [5, 1],
  },
  'two Java traces': {
    text: 'java.lang.A: x\n\tat a.B.c(B.java:1)\njava.lang.BError: y\n\tat a.B.c(B.java:1)',
    sizes: [2, 2],
  },
  'Java with suppressed ones': {
    text: 'Exception in thread "main" java.lang.A: x\n\tat a.B\n\tSuppressed: java.lang.C: y\n\t\tat d.E\n\t\t... 1 more\nCaused by: java.lang.F\n\tat g.H\nbye',
    sizes: [7, 1],
  },
  'Python with its last line, behind a log line': {
    text: 'ERROR:root:failed\nTraceback (most recent call last):\n  File "x.py", line 1, in f\n    1 / 0\nZeroDivisionError: division by zero\nnext line',
    sizes: [5, 1],
  },
  'Python behind an ordinary line': {
    text: 'listening\nTraceback (most recent call last):\n  File "x.py", line 1, in f\nKeyboardInterrupt\nnext line',
    sizes: [1, 3, 1],
  },
  'Python, chained': {
    text: 'Traceback (most recent call last):\n  File "x.py"\nKeyError: 1\n\nDuring handling of the above exception, another exception occurred:\n\nTraceback (most recent call last):\n  File "x.py"\nValueError: 2\nTraceback (most recent call last):\n  File "y.py"\nOSError: 3',
    sizes: [9, 3],
  },
  Go: {
    text: 'panic: x\n\ngoroutine 1 [running]:\nmain.main()\n\t/a/b.go:1 +0x1\nexit status 2\nordinary',
    sizes: [6, 1],
  },
  'Node, uncaught': {
    text: "/app/x.js:3\n    throw new Error('x')\n    ^\n\nError: x\n    at f (/app/x.js:3:9) {\n  code: 'E'\n}\n\nNode.js v24.21.0\nlistening",
    sizes: [10, 1],
  },
  Rust: {
    text: "thread 'main' panicked at src/main.rs:2:5:\nexplicit panic\nstack backtrace:\n   0: rust_begin_unwind\n             at /rustc/x\nnote: Some details are omitted\nordinary",
    sizes: [6, 1],
  },
  Dart: {
    text: 'Unhandled exception:\nBad state: oops\n#0      f (file:///x.dart:16:3)\n<asynchronous suspension>\n#1      g (x)\nordinary',
    sizes: [5, 1],
  },
  'an indented block': {
    text: 'Configuration Notice:\n\tASL Module claims\n\tThose messages\nnext',
    sizes: [3, 1],
  },
  'ordinary text': { text: 'one\ntwo\n\nthree', sizes: [1, 1, 1, 1] },
  'JSON lines': { text: '{"a":1}\n{"b":2}\n  indented behind JSON', sizes: [1, 1, 1] },
  'pretty-printed JSON': { text: '{\n  "a": 1\n}', sizes: [2, 1] },
  'indented lines that are log lines': {
    text: 'start\n  2026-11-22 18:00:00 x\n INFO  ready\n  [WARN] slow\n  {"a":1}',
    sizes: [1, 1, 1, 1, 1],
  },
  'a private key, up to its end': {
    text: 'key: -----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\n1IIEow+/\nabc=\n-----END RSA PRIVATE KEY-----\nordinary text',
    sizes: [6, 1],
  },
  'a private key without an end': {
    text: '-----BEGIN PRIVATE KEY-----\nMIIE\nordinary text',
    sizes: [2, 1],
  },
}

for (const [title, { text, sizes: wanted }] of Object.entries(joined)) {
  test(`events of ${title}`, (t) => {
    t.deepEqual(sizes(text), wanted)
    t.deepEqual(sizes(text, '\\u0009'), wanted, 'with tabs as Docker escapes them')
  })
}

test('whether a line goes on is decided alike when reading begins at the event', (t) => {
  for (const { text } of Object.values(joined)) {
    const all = events(text)
    for (let from = 1; from < all.length; from++) {
      t.deepEqual(events(all.slice(from).flat().join('\n')), all.slice(from))
    }
  }
})

const traces = join(process.env['MESOSCOPE_SHARED'] ?? '../shared', 'fixtures/logs/stacktraces')

if (existsSync(traces)) {
  for (const name of readdirSync(traces)) {
    test(`${name} between two log lines`, (t) => {
      const trace = readFileSync(join(traces, name), 'utf8').replace(/\n$/, '')
      const found = sizes(
        `2026-11-22 18:00:00 INFO before\n${trace}\n2026-11-22 18:00:00 INFO behind`,
      )
      const lines = trace.split('\n').length
      // Rails and Ruby begin with a space: nothing tells them from a continuation.
      const withBefore = name.startsWith('rails') || name.startsWith('ruby')
      const whole = withBefore ? [lines + 1, 1] : [1, lines, 1]
      t.deepEqual(found, name === 'arbitrary_text.txt' ? [1, 1, 1, 1, 1, 1] : whole)
    })
  }
} else test.skip(`stack traces in ${traces} (set MESOSCOPE_SHARED)`, () => {})
