import test from 'ava'
import { simpleParser } from 'mailparser'
import { createTransport, type SendMailOptions } from 'nodemailer'
import { wallClock } from '../../pipeline/clock.ts'
import { openMailCatcher, type MailCatcher } from '../../playground/mail-catcher.ts'
import { readMail } from '../../playground/mail-source.ts'

const from = 'mesoscope@example.com'
const to = ['one@example.com', 'two@example.com']

/** Sends one mail over real SMTP. */
async function send({ host, port }: MailCatcher, mail: SendMailOptions): Promise<void> {
  await createTransport({ host, port }).sendMail({ from, to, ...mail })
}

/** The source of a mail as nodemailer would send it. */
async function compose(mail: SendMailOptions): Promise<Buffer> {
  const transport = createTransport({ streamTransport: true, buffer: true })
  const { message } = await transport.sendMail({ from, to, ...mail })
  return message as Buffer
}

const long = Array.from({ length: 40 }, (_, n) => `line ${n} = ${'wort '.repeat(n)}`).join('\n')
const mails: Record<string, SendMailOptions> = {
  'plain text': { subject: 'fire', text: 'errors 19.4/s > 5\nsince 18:25\n' },
  'no subject and no text': {},
  'a subject and a text beyond ASCII': {
    subject: 'Störung: /shop/web meldet 12 Fehler/s – seit 18:25 (日本語, 💥)',
    text: 'Störung\n  日本 💥\n= keine Ahnung =\n.\n..\n',
  },
  'a subject so long that it is folded': {
    subject: `/shop/web ${'very '.repeat(60)}ill`,
    text: 'x',
  },
  'text and HTML': { subject: 'both', text: long, html: `<p>${long.replaceAll('\n', '<br>')}</p>` },
  'HTML alone, in base64': { subject: 'h', html: '<b>größer</b>', textEncoding: 'base64' },
  'an attachment beside the text': {
    subject: 'a',
    text: 'see there',
    html: '<i>see there</i>',
    attachments: [{ filename: 'lines.txt', content: 'not the text' }],
  },
}

for (const [title, mail] of Object.entries(mails)) {
  test(`${title}: read as a full mail parser reads it`, async (t) => {
    const source = await compose(mail)
    const full = await simpleParser(source, { skipHtmlToText: true, skipTextToHtml: true })
    const { headers, text, html } = readMail(source)
    t.is(headers['subject'] ?? '', full.subject ?? '')
    t.is(headers['message-id'], full.messageId)
    t.is(text?.trimEnd() ?? '', full.text?.trimEnd() ?? '')
    t.is(html?.trimEnd() ?? '', (full.html || '').trimEnd())
  })
}

test('own headers are decoded as well', async (t) => {
  const source = await compose({ text: 'x', headers: { 'X-Service': '/shop/wéb' } })
  t.is(readMail(source).headers['x-service'], '/shop/wéb')
})

const odd: [string, string, ReturnType<typeof readMail>][] = [
  ['nothing', '', { headers: {}, text: '' }],
  ['no headers', '\r\nonly text', { headers: {}, text: 'only text' }],
  ['headers alone', 'Subject: x', { headers: { subject: 'x' }, text: '' }],
  ['lines ended by LF', 'Subject: x\n\na\nb\n', { headers: { subject: 'x' }, text: 'a\nb\n' }],
  [
    'a charset that nobody knows',
    'Subject: =?x-none?Q?a=E9?=\r\n\r\nx',
    { headers: { subject: 'a\u00e9' }, text: 'x' },
  ],
  [
    'a content type that is none',
    'Content-Type: ///\r\n\r\nx',
    { headers: { 'content-type': '///' }, text: 'x' },
  ],
  [
    'a multipart that never ends',
    'Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ninner',
    { headers: { 'content-type': 'multipart/mixed; boundary=b' }, text: 'inner' },
  ],
]
for (const [title, source, content] of odd) {
  test(`a mail with ${title} is read as far as it goes`, (t) => {
    t.deepEqual(readMail(Buffer.from(source)), content)
  })
}

test('parts nested without end are not followed for ever', (t) => {
  const nested = Array.from(
    { length: 10_000 },
    (_, n) => `Content-Type: multipart/mixed; boundary=b${n}\r\n\r\n--b${n}\r\n`,
  )
  t.is(readMail(Buffer.from(`${nested.join('')}\r\nx`)).text, undefined)
})

test('a mail sent over SMTP is caught with envelope, headers and parts', async (t) => {
  await using catcher = await open()
  await send(catcher, {
    subject: 'fire',
    text: 'it burns',
    html: '<b>it burns</b>',
    messageId: '<1@m>',
  })
  const [mail, ...more] = catcher.mails()
  t.deepEqual(more, [])
  t.like(mail, { from, to, subject: 'fire', messageId: '<1@m>', text: 'it burns' })
  t.is(mail?.html.trim(), '<b>it burns</b>')
  t.is(mail?.headers['mime-version'], '1.0')
  t.true(Math.abs((mail?.receivedAt ?? 0) - wallClock.now()) < 60_000)
})

test('the last 200 mails are kept', async (t) => {
  await using catcher = await open()
  const { host, port } = catcher
  const pool = createTransport({ host, port, pool: true, maxConnections: 1, maxMessages: 1000 })
  for (let n = 0; n < 203; n++) await pool.sendMail({ from, to, subject: `mail ${n}`, text: 'x' })
  pool.close()
  t.is(catcher.mails().length, 200)
  t.is(catcher.mails()[0]?.subject, 'mail 3')
  t.is(catcher.mails().at(-1)?.subject, 'mail 202')
})

for (const code of [450, 550]) {
  test(`told to refuse with ${code} it does, and then accepts again`, async (t) => {
    await using catcher = await open()
    catcher.refuse(code)
    await t.throwsAsync(send(catcher, { subject: 'no' }), { message: new RegExp(`${code} `) })
    catcher.accept()
    await send(catcher, { subject: 'yes' })
    t.deepEqual(
      catcher.mails().map(({ subject }) => subject),
      ['yes'],
    )
  })
}

test('while it is down nothing listens; up again it has the same port', async (t) => {
  await using catcher = await open()
  await catcher.down()
  await t.throwsAsync(send(catcher, { subject: 'no' }), { code: 'ESOCKET' })
  await catcher.up()
  await send(catcher, { subject: 'yes' })
  t.is(catcher.mails()[0]?.subject, 'yes')
})

test('waiting ends with the mail that fits, caught already or to come', async (t) => {
  await using catcher = await open()
  const coming = catcher.waitFor(({ subject }) => subject === 'second', 10_000)
  await send(catcher, { subject: 'first' })
  await send(catcher, { subject: 'second' })
  t.is((await coming).subject, 'second')
  t.is((await catcher.waitFor(({ subject }) => subject === 'first', 10_000)).subject, 'first')
  await t.throwsAsync(
    catcher.waitFor(() => false, 10),
    { message: 'no such mail within 10 ms; caught: first, second' },
  )
})

test('a port that is taken is named, with what to do', async (t) => {
  await using catcher = await open()
  const error = await t.throwsAsync(openMailCatcher({ clock: wallClock, port: catcher.port }))
  t.like(error, {
    message: `the mail catcher cannot listen on 127.0.0.1:${catcher.port}: listen EADDRINUSE: address already in use 127.0.0.1:${catcher.port}`,
    remedy: 'end the program that has the port, or choose another one',
  })
})

async function open(): Promise<MailCatcher & AsyncDisposable> {
  const catcher = await openMailCatcher({ clock: wallClock })
  return { ...catcher, [Symbol.asyncDispose]: catcher.close }
}
