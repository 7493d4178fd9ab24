import test from 'ava'
import { cleanLine, cleanText, safeLink } from '../../alerting/clean.ts'
import type { Evidence } from '../../alerting/evidence.ts'
import { linesBehind } from '../../alerting/evidence.ts'
import { renderMessage, type MessageOptions } from '../../alerting/message.ts'
import type { Notification } from '../../alerting/records.ts'
import { line, second, t0 } from './world.ts'

const minute = 60 * second
const evil = '<script>alert(1)</script>\u001b[31mred\u001b[0m\u0000\u202egnp.exe'

function notification(overrides: Partial<Notification> = {}): Notification {
  const alert = {
    fingerprint: 'f00d',
    labels: { alertname: 'HighErrorRate', service: '/shop/web', severity: 'page' },
    group: { service: '/shop/web' },
    value: 7.2,
    threshold: 5,
    signals: { error_rate: 7.2 },
    lastMs: t0 - 100,
    annotations: {
      summary: '/shop/web logs 7.2 errors/s',
      runbook: 'https://runbooks.test/errors',
    },
    state: 'firing' as const,
    activeAt: t0 - 2 * minute,
    firedAt: t0,
    peak: 9.1,
  }
  return {
    incident: `f00d-${t0 - 2 * minute}`,
    state: 'firing',
    ts: t0,
    alert,
    facts: {
      alert: 'HighErrorRate',
      when: 'error_rate > 5',
      forMs: 2 * minute,
      lowIsWorse: false,
      signals: [{ name: 'error_rate', where: 'level:error', measure: 'rate', overMs: minute }],
      comparison: { left: 'error_rate', signal: 'error_rate', operator: '>', right: '5' },
    },
    sent: false,
    deliveries: {},
    ...overrides,
  }
}

function render(
  told: Notification = notification(),
  evidence: Partial<Evidence> = {},
  options: Partial<MessageOptions> = {},
) {
  const found: Evidence = {
    query: linesBehind(told),
    lines: [],
    tasks: [],
    agents: [],
    owner: undefined,
    runbook: undefined,
    missing: undefined,
    ...evidence,
  }
  return renderMessage(told, found, { publicUrl: 'https://logs.test/', nowMs: t0, ...options })
}

test('the firing message says which service, what, since when, who and where', (t) => {
  const lines = Array.from({ length: 12 }, (_, index) =>
    line(t0 - 12_000 + index * 1000, `boom ${index}`),
  )
  const { subject, text } = render(notification(), {
    lines,
    tasks: ['web.1', 'web.2'],
    agents: ['agent-1'],
    owner: 'team-shop',
  })
  t.is(subject, '[FIRING] HighErrorRate /shop/web: 7.2 errors/s > 5')
  t.is(
    text,
    [
      'FIRING HighErrorRate /shop/web: 7.2 errors/s > 5',
      '',
      '/shop/web logs 7.2 errors/s',
      '',
      'Service:   /shop/web',
      'Condition: error_rate > 5',
      'Value:     7.2 errors/s > 5',
      'Since:     2026-11-22 17:58:00 UTC (for 2m)',
      'Instances: web.1, web.2 on agent-1',
      'Severity:  page',
      'Owner:     team-shop',
      'Runbook:   https://runbooks.test/errors',
      '',
      'These lines: https://logs.test/#/logs?service=/shop/web&query=level:error&from=2026-11-22T17:57:00.000Z&to=2026-11-22T18:00:00.000Z',
      'This service: https://logs.test/#/service?service=/shop/web&from=2026-11-22T17:43:00.000Z&to=2026-11-22T18:00:00.000Z',
      '',
      'The newest 10 of these lines:',
      ...lines.slice(2).map((one, index) => {
        return `  2026-11-22 17:59:${String(50 + index)} UTC  ${one.message}`
      }),
      '',
    ].join('\n'),
  )
})

test('the resolved message says how long it lasted and how bad it was', (t) => {
  const { alert } = notification()
  const over = { ...alert, state: 'inactive' as const, resolvedAt: t0 + 5 * minute }
  const { subject, text } = render(
    notification({ state: 'resolved', ts: t0 + 5 * minute, alert: over }),
    { lines: [line(t0, 'boom')] },
    { nowMs: t0 + 5 * minute },
  )
  t.is(subject, '[RESOLVED] HighErrorRate /shop/web: after 7m, peak 9.1 errors/s')
  t.true(text.includes('It was: /shop/web logs 7.2 errors/s'))
  t.regex(text, /Lasted: +7m, 2026-11-22 17:58:00 UTC to 2026-11-22 18:05:00 UTC/)
  t.regex(text, /Peak: +9\.1 errors\/s/)
  t.notRegex(text, /boom/)
})

test('a condition of several signals shows each', (t) => {
  const { alert, facts } = notification()
  const request = { name: 'request_rate', where: '', measure: 'rate' as const, overMs: minute }
  const { comparison, ...bare } = facts
  const told = notification({
    alert: { ...alert, signals: { error_rate: 7.2, request_rate: 100 } },
    facts: {
      ...bare,
      when: 'error_rate > 5 && request_rate > 10',
      signals: [...facts.signals, request],
    },
  })
  t.truthy(comparison)
  t.is(
    render(told).subject,
    '[FIRING] HighErrorRate /shop/web: error_rate 7.2 errors/s, request_rate 100 requests/s',
  )
})

test('log content is text in every part: no markup, no terminal codes, no hidden characters', (t) => {
  const task = `web.1${evil}`
  const { subject, text, html } = render(notification(), {
    lines: [line(t0, `${evil}\nsecond line`)],
    tasks: [task],
    owner: evil,
  })
  for (const part of [subject, text, html]) {
    // oxlint-disable-next-line no-control-regex
    t.notRegex(part, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]|\[31m/)
  }
  t.regex(text, /<script>alert\(1\)<\/script>redgnp\.exe\n {4}second line/)
  t.notRegex(html, /<script/)
  t.regex(html, /&lt;script&gt;alert\(1\)&lt;\/script&gt;redgnp\.exe<br>second line/)
})

test('a subject is one line, whatever the names hold', (t) => {
  const { alert } = notification()
  const group = { service: '/a\r\nBcc: all@example.com\u0007' }
  const { subject } = render(notification({ alert: { ...alert, group } }))
  t.is(subject, '[FIRING] HighErrorRate /a Bcc: all@example.com: 7.2 errors/s > 5')
})

test('only web addresses become links', (t) => {
  const { alert } = notification()
  const annotations = { runbook: 'javascript:alert(1)' }
  const { html, text } = render(notification({ alert: { ...alert, annotations } }))
  t.notRegex(html, /href="javascript/)
  t.regex(text, /Runbook: +javascript:alert\(1\)/)
  t.is(safeLink('https://a.test/"><b>'), 'https://a.test/%22%3E%3Cb%3E')
  t.is(safeLink('wiki page 7'), undefined)
})

test('a line of megabytes is cut', (t) => {
  const { text, html } = render(notification(), { lines: [line(t0, 'x'.repeat(5_000_000))] })
  t.true(text.length < 2000)
  t.true(html.length < 5000)
})

test('without the address of the page there is no link', (t) => {
  const { text, html } = render(notification(), {}, { publicUrl: undefined })
  t.notRegex(text, /These lines/)
  t.notRegex(html, /Open these/)
})

test('the link restricts to the group, quoted', (t) => {
  const { alert } = notification()
  const group = { service: '/a', task: 'x" OR level:"info' }
  t.is(
    linesBehind(notification({ alert: { ...alert, group } })).query,
    '(level:error) AND (task:"x\\" OR level:\\"info")',
  )
})

const texts: [string, string, string][] = [
  ['colours', '\u001b[1;31merror\u001b[0m', 'error'],
  ['a window title', 'a\u001b]0;title\u0007b', 'ab'],
  ['a hyperlink', '\u001b]8;;http://x\u001b\\text\u001b]8;;\u001b\\', 'text'],
  ['one-byte CSI', '\u009b31mred', 'red'],
  ['an unfinished sequence', 'a\u001b[', 'a'],
  ['NUL, BEL and backspace', 'a\u0000\u0007\u0008b', 'ab'],
  ['carriage return', 'progress 1%\rprogress 2%', 'progress 1%progress 2%'],
  ['Windows line ends', 'a\r\nb', 'a\nb'],
  ['direction and zero width', 'a\u202e\u2066\u200bb\ufeff', 'ab'],
  ['half a character', 'a\ud800b', 'a\ufffdb'],
  ['tabs and accents stay', 'é\tü', 'é\tü'],
]

for (const [sentence, dirty, clean] of texts) {
  test(`cleaned: ${sentence}`, (t) => {
    t.is(cleanText(dirty, 100), clean)
  })
}

test('text is cut between characters', (t) => {
  t.is(cleanText('x'.repeat(200), 10), `${'x'.repeat(10)} …`)
  t.is(cleanLine('a \n b\t c', 10), 'a b c')
  t.true(cleanText('😀'.repeat(50), 5).isWellFormed())
})
