/** Options with names of the user's own, of which Alertmanager sets some by itself. */
import { z } from 'zod'
import { headerFault } from '../channels/mail-headers.ts'
import { textRecord } from './option-kinds.ts'

const subject = '{{ template "email.default.subject" . }}'

/** Headers of mails. Alertmanager's default subject means ours. */
export const emailHeaders = z
  .record(z.string(), z.string())
  .nullish()
  .transform((headers) =>
    without(headers, ([name, value]) => name.toLowerCase() === 'subject' && value === subject),
  )
  .refine((headers) => {
    const names = Object.keys(headers).map((name) => name.toLowerCase())
    return new Set(names).size === names.length
  }, 'a header stands there twice: capitals make no difference')
  .pipe(textRecord)
  .superRefine((headers, context) => {
    for (const [name, value] of Object.entries(headers)) {
      const message = headerFault(name, value)
      if (message !== undefined) context.addIssue({ code: 'custom', path: [name], message })
    }
  })

/** What Alertmanager puts there by itself, in its versions. */
const details: ReadonlySet<unknown> = new Set([
  '{{ .Alerts.Firing | toJson }}',
  '{{ .Alerts.Resolved | toJson }}',
  '{{ template "pagerduty.default.instances" .Alerts.Firing }}',
  '{{ template "pagerduty.default.instances" .Alerts.Resolved }}',
  '{{ .Alerts.Firing | len }}',
  '{{ .Alerts.Resolved | len }}',
])

/** PagerDuty's custom details, with values of any kind. */
export const pagerdutyDetails = z
  .record(z.string(), z.unknown())
  .nullish()
  .transform((given) => without(given, ([, value]) => details.has(value)))
  .refine(
    (given) => !JSON.stringify(given).includes('{{'),
    'Go templates are not run here; write the values themselves',
  )

function without<T>(
  values: Record<string, T> | null | undefined,
  leftOut: (entry: [string, T]) => boolean,
): Record<string, T> {
  return Object.fromEntries(Object.entries(values ?? {}).filter((entry) => !leftOut(entry)))
}
