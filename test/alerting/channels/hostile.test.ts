import test from 'ava'
import fc from 'fast-check'
import type { Extra, GroupNotification } from '../../../alerting/channels/group.ts'
import { slackRequests } from '../../../alerting/channels/slack.ts'
import { someGroup } from './some-group.ts'
import { all, slack } from './some-requests.ts'

const meaningful = [
  '<!channel>',
  '<@U024BE7LH>',
  '<http://evil|bank>',
  '<script>alert(1)</script>',
  '&lt;',
  '\u001b[31m',
  '\u001b]8;;http://evil\u0007',
  '\u202e',
  '\r\n',
  '|',
  '…',
]

/** Any sequence of UTF-16 units, with what means something to somebody. */
const hostileText = fc
  .array(
    fc.oneof(
      fc.nat({ max: 0xffff }).map((unit) => String.fromCharCode(unit)),
      fc.constantFrom(...meaningful),
    ),
    { maxLength: 30 },
  )
  .map((parts) => parts.join(''))

const hostileLabels = fc.dictionary(hostileText, hostileText, { maxKeys: 4 })
const hostileGroup = fc
  .tuple(
    fc.array(fc.record({ labels: hostileLabels, annotations: hostileLabels }), { maxLength: 3 }),
    hostileText,
    hostileText,
  )
  .map(([some, text, name]) => {
    const group = someGroup(some, { text, links: [{ name, url: 'http://page/?a=<b>' }] })
    return { ...group, alerts: group.alerts.map((alert) => ({ ...alert, generatorURL: name })) }
  })

function stringsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, part]) => [name, ...stringsIn(part)])
}

for (const [name, ask] of Object.entries(all)) {
  test(`${name}: whatever labels hold, the body is JSON that any reader takes`, (t) => {
    fc.assert(
      fc.property(hostileGroup, (group) => {
        for (const { body } of ask(group)) {
          t.true(body.isWellFormed())
          t.false(/[<>&]|\\ud[89a-f]/i.test(body.replaceAll('\\\\', '')))
          t.true(stringsIn(JSON.parse(body)).every((text) => text.isWellFormed()))
        }
      }),
    )
  })
}

interface SlackBody {
  attachments: [
    { title: string; text: string; fallback: string; fields: { title: string; value: string }[] },
  ]
}

const slackBody = (group: GroupNotification, settings = {}) =>
  JSON.parse(slackRequests(group, { ...slack, ...settings })[0]?.body ?? '') as SlackBody

const links = /<http:\/\/page\/\?a=%3Cb%3E\|[^<>|\n]*>/g
/** What Slack reads as markup: an angle bracket, or an ampersand that begins no entity. */
const markup = /[<>]|&(?!amp;|lt;|gt;)/

test('Slack: no label, annotation or line of a log is markup', (t) => {
  fc.assert(
    fc.property(hostileGroup, (group) => {
      const text = ({ alerts, commonLabels }: GroupNotification) =>
        JSON.stringify([alerts, commonLabels])
      const [attachment] = slackBody(group, { text, title: text }).attachments
      for (const one of stringsIn(attachment)) t.notRegex(one.replace(links, ''), markup)
    }),
  )
})

test('Slack: the markup of the settings is kept, that of a label is shown', (t) => {
  const group = someGroup([{ labels: { who: '<!channel>' }, annotations: { s: 'a & b' } }])
  const text = ({ commonLabels, commonAnnotations }: GroupNotification) =>
    `<!here> ${commonLabels['who']} ${commonAnnotations['s']}`
  const [attachment] = slackBody(group, { text }).attachments
  t.is(attachment.text, '<!here> &lt;!channel&gt; a &amp; b')
  t.is(attachment.title, '[FIRING:1] X (&lt;!channel&gt;)')
})

test('Slack: evidence is a field, links lead only to pages', (t) => {
  const extra: Extra = {
    text: '12:00 <!here> died',
    links: [
      { name: 'These | lines', url: 'https://page/#/logs?a=1&b=2|c' },
      { name: 'evil', url: 'javascript:alert(1)' },
    ],
  }
  t.deepEqual(slackBody(someGroup([{}], extra)).attachments[0].fields, [
    { title: 'Evidence', value: '12:00 &lt;!here&gt; died', short: false },
    { title: 'Links', value: '<https://page/#/logs?a=1&amp;b=2%7Cc|These   lines>', short: false },
  ] as unknown[])
})

test('Slack: no entity is cut in two', (t) => {
  const group = someGroup([{ labels: { a: '<'.repeat(5000) } }])
  const { title } = slackBody(group).attachments[0]
  t.true(title.length <= 1024)
  t.regex(title, /(&lt;)+…$/)
  t.notRegex(title, markup)
})
