/** Headers that the settings add to mails, or put in place of ours. */

/** These say what the mail is, whose life it tells, or who gets it: nothing of the settings may take their place. */
const reserved: Readonly<Record<string, string>> = {
  'message-id': 'mails are known by ids that are made of what they tell',
  references: 'mails of a group are held together by this header: see threading',
  'in-reply-to': 'mails of a group are held together by this header: see threading',
  date: 'it is the time at which the mail is sent',
  bcc: 'everybody would read it, and nobody get a mail by it; name them in to',
  'mime-version': 'it belongs to the parts of the mail',
  'content-type': 'it belongs to the parts of the mail',
  'content-transfer-encoding': 'it belongs to the parts of the mail',
}

/** Why the header cannot be set; undefined where it can. */
export function headerFault(name: string, value: string): string | undefined {
  if (!/^[!-9;-~]+$/.test(name)) return 'no name of a header'
  // oxlint-disable-next-line no-control-regex
  if (/[\u0000-\u001f\u007f]/.test(value)) return 'a header is one line'
  const why = reserved[name.toLowerCase()]
  return why === undefined ? undefined : `this header cannot be set: ${why}`
}

/** Headers apart from those that the mailer wants by themselves. */
export interface SortedHeaders {
  subject: string | undefined
  from: string | undefined
  to: string | undefined
  others: Record<string, string>
}

/** Those of `lists`, the later in place of the earlier: capitals make no difference. */
export function sortedHeaders(...lists: Readonly<Record<string, string>>[]): SortedHeaders {
  const all = lists.flatMap((headers) => Object.entries(headers))
  const { subject, from, to, ...others } = Object.fromEntries(
    all.map(([name, value]) => [name.toLowerCase(), value]),
  )
  return { subject, from, to, others }
}
