import test from 'ava'
import { openMailChannel, type MailSettings } from '../../../alerting/channels/mail.ts'
import { wallClock } from '../../../pipeline/clock.ts'
import { mailTo, openMailbox } from '../world.ts'

const message = {
  incident: 'f00d-1',
  state: 'resolved' as const,
  subject: 'hello\r\nBcc: all@example.com',
  text: 'text\n.\nmore\n',
  html: '<p>text</p>',
}

test('the mail has both parts, stable ids and no header but ours', async (t) => {
  const mailbox = await openMailbox(t)
  const channel = openMailChannel(mailTo(mailbox.port), { clock: wallClock })
  const [delivery] = await channel.send(message, ['oncall@example.com'])
  t.like(delivery, { target: 'oncall@example.com', outcome: 'accepted', answered: true })
  const [mail] = mailbox.mails
  t.is(mail?.subject, 'hello Bcc: all@example.com')
  t.is(mail?.text, 'text\n.\nmore\n')
  t.is(mail?.html, '<p>text</p>')
  t.is(mail?.messageId, '<f00d-1.resolved@mesoscope.test>')
  t.is(mail?.inReplyTo, '<f00d-1.firing@mesoscope.test>')
  t.is(mail?.headers.get('auto-submitted'), 'auto-generated')
  t.false(mail?.headers.has('bcc') ?? true)
  channel.close()
})

test('a password does not leave the machine in the clear', async (t) => {
  const mailbox = await openMailbox(t, { allowInsecureAuth: true })
  const settings = { ...mailTo(mailbox.port), host: '0.0.0.0', user: 'u', password: 'secret' }
  const channel = openMailChannel(settings, { clock: wallClock })
  const [delivery] = await channel.send(message, ['oncall@example.com'])
  t.not(delivery?.outcome, 'accepted')
  t.regex(delivery?.detail ?? '', /TLS|not (implemented|recognized)|disabled/i)
  t.is(mailbox.mails.length, 0)
  channel.close()
})

const faults: [string, Partial<MailSettings>, RegExp][] = [
  ['no recipients', { to: [] }, /nobody to write to/],
  ['an address with a line break', { to: ['a@b.c\r\nBcc: x@y.z'] }, /is no mail address/],
  ['a recipient that is none', { to: ['oncall'] }, /"oncall" is no mail address/],
  ['a sender with a line break', { from: 'A\r\nX: y <a@b.c>' }, /line break/],
  ['a domain that is none', { domain: 'a b>' }, /is no domain name/],
  ['a port out of range', { port: 70_000 }, /port 70000/],
]

for (const [sentence, overrides, complaint] of faults) {
  test(`refused at start: ${sentence}`, (t) => {
    const settings = { ...mailTo(25), ...overrides }
    t.throws(() => openMailChannel(settings, { clock: wallClock }), { message: complaint })
  })
}
