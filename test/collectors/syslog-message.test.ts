import test from 'ava'
import { levelOfSyslog, parseSyslog, type SyslogMessage } from '../../collectors/syslog-message.ts'
import { openSyslogFrames } from '../../collectors/syslog-frames.ts'

const bom = '\u00ef\u00bb\u00bf'

const messages: [string, string, Partial<SyslogMessage>][] = [
  [
    'RFC 5424, example 1',
    `<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - ${bom}'su root' failed for lonvick on /dev/pts/8`,
    {
      facility: 'auth',
      severity: 2,
      time: '2003-10-11T22:14:15.003Z',
      host: 'mymachine.example.com',
      app: 'su',
      text: "su ID47: 'su root' failed for lonvick on /dev/pts/8",
    },
  ],
  [
    'RFC 5424, example 2: a process id, no message id',
    '<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - %% It is time to make the do-nuts.',
    {
      facility: 'local4',
      severity: 5,
      time: '2003-08-24T05:14:15.000003-07:00',
      host: '192.0.2.1',
      app: 'myproc',
      text: 'myproc[8710]: %% It is time to make the do-nuts.',
    },
  ],
  [
    'RFC 5424, example 3: structured data',
    '<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 [exampleSDID@32473 iut="3" eventSource="Application" eventID="1011"] An application event log entry...',
    {
      text: 'evntslog ID47 [exampleSDID@32473 iut="3" eventSource="Application" eventID="1011"]: An application event log entry...',
    },
  ],
  [
    'brackets and quotes in structured data, several of them, no text',
    '<165>1 - - - - - [a b="]\\"]"][c d="e"]',
    { time: undefined, host: undefined, app: undefined, text: '[a b="]\\"]"][c d="e"]: ' },
  ],
  [
    'what a sender says of its clock is left out',
    '<13>1 2026-11-26T21:40:01Z h tool - - [timeQuality tzKnown="1" isSynced="0"][a b="c"] text',
    { text: 'tool [a b="c"]: text' },
  ],
  [
    'structured data without an end is text',
    '<13>1 2003-10-11T22:14:15Z h a - - [x y="z',
    { app: undefined, text: '1 2003-10-11T22:14:15Z h a - - [x y="z' },
  ],
  [
    'RFC 3164, example 1',
    "<34>Oct 11 22:14:15 mymachine su: 'su root' failed for lonvick on /dev/pts/8",
    {
      facility: 'auth',
      severity: 2,
      time: 'Oct 11 22:14:15',
      host: 'mymachine',
      app: 'su',
      text: "su: 'su root' failed for lonvick on /dev/pts/8",
    },
  ],
  [
    'RFC 3164, example 2: without a time all is text',
    '<13>Use the BFG!',
    { facility: 'user', severity: 5, time: undefined, host: undefined, text: 'Use the BFG!' },
  ],
  [
    'a process id, and a day of one digit',
    '<86>Dec  1 00:00:59 web-1 sshd[812]: Failed password for root from 1.2.3.4',
    {
      facility: 'authpriv',
      severity: 6,
      time: 'Dec  1 00:00:59',
      host: 'web-1',
      app: 'sshd',
      text: 'sshd[812]: Failed password for root from 1.2.3.4',
    },
  ],
  [
    'as rsyslog forwards it: an ISO time',
    '<30>2026-11-26T21:40:01.123456+01:00 web-1 systemd[1]: Started Daily apt.',
    {
      time: '2026-11-26T21:40:01.123456+01:00',
      host: 'web-1',
      app: 'systemd',
      text: 'systemd[1]: Started Daily apt.',
    },
  ],
  [
    'without a host',
    '<13>Nov 26 21:40:01 cron[77]: job',
    { host: undefined, app: 'cron', text: 'cron[77]: job' },
  ],
  [
    'JSON stands alone',
    '<14>1 2026-11-26T21:40:01Z h app 3 - - {"level":"error","msg":"x"}',
    { app: 'app', text: '{"level":"error","msg":"x"}' },
  ],
  ['no priority', 'hello', { facility: 'user', severity: 5, text: 'hello' }],
  ['an impossible priority', '<192>hello', { facility: 'user', text: '<192>hello' }],
  ['nothing', '', { text: '' }],
]

for (const [title, line, expected] of messages) {
  test(`a message: ${title}`, (t) => {
    t.like(parseSyslog(line), expected)
  })
}

test('the level is that of the severity; where that says little, the text may say more', (t) => {
  t.is(levelOfSyslog(0, 'debug'), 'fatal')
  t.is(levelOfSyslog(3, 'info'), 'error')
  t.is(levelOfSyslog(6, 'error'), 'error')
  t.is(levelOfSyslog(5, 'unknown'), 'info')
  t.is(levelOfSyslog(7, 'error'), 'debug')
})

const framed = (chunks: string[], maxBytes = 1000) => {
  const frames = openSyslogFrames(maxBytes)
  const found = chunks.flatMap((chunk) => frames.push(Buffer.from(chunk)))
  const rest = frames.rest()
  return [...found, ...(rest ? [rest] : [])].map(String)
}

test('messages are found by their length and by their newline, wherever a chunk ends', (t) => {
  const bytes = '10 <13>counted<14>line one\n<15>line two\r\n9 <13>a\nb c7 <13>ab\0<13>rest'
  const whole = ['<13>counted'.slice(0, 10)]
  const expected = framed([bytes])
  t.is(expected[0], whole[0])
  for (let cut = 1; cut < bytes.length; cut++) {
    t.deepEqual(framed([bytes.slice(0, cut), bytes.slice(cut)]), expected, `cut at ${cut}`)
  }
  t.deepEqual(framed(bytes.split('')), expected)
  t.deepEqual(framed(['11 <13>counted9 <13>a\nb c<14>x\n7 eleven\n']), [
    '<13>counted',
    '<13>a\nb c',
    '<14>x',
    '7 eleven',
  ])
})

test('a message that is too long comes in pieces, and what follows is found', (t) => {
  t.deepEqual(framed([`<13>${'x'.repeat(16)}\n<14>next\n`], 10), [
    '<13>xxxxxx',
    'xxxxxxxxxx',
    '<14>next',
  ])
  t.deepEqual(framed(['20 <13>xxxxxxxxxxxxxxxx<14>next\n'], 10), [
    '<13>xxxxxx',
    'xxxxxxxxxx',
    '<14>next',
  ])
  t.deepEqual(framed(['99999999999 <13>x\n'], 10).length > 0, true)
})
