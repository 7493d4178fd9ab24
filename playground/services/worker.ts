import { announce, between, chance, failsNow, isActing, pick, say, takeOrders } from './service.ts'

/** Works on jobs and tells of each in JSON; now and then a line is far longer than 16 KiB. */

let done = 0

function takeJob(): void {
  if (isActing('hang')) return
  done++
  const job = `${pick(['resize', 'thumbnail', 'mail', 'invoice'])}-${between(1000, 9999)}`
  const durationMs = between(5, 900)
  if (done % 200 === 12) return sayManifest(job)
  if (done % 160 === 40) return sayUpload(job)
  const dice = chance()
  if (failsNow() || dice < 0.004) sayFailure(job)
  else if (dice < 0.03) say('warn', 'job is retried', { job, attempt: 2, durationMs })
  else if (dice < 0.2) say('debug', 'job picked', { job, waiting: between(0, 40) })
  else say('info', 'job done', { job, durationMs })
}

function sayFailure(job: string): void {
  say('error', 'job failed', { job, attempt: 3, error: 'storage answered 503' })
}

/** About 30 KB in one line. */
function sayManifest(job: string): void {
  const items = Array.from({ length: 700 }, (_, n) => ({ sku: `lamp-${n}`, count: between(1, 9) }))
  say('info', 'manifest written', { job, items })
}

/** As careless as real programs are: Mesoscope has to hide this. */
function sayUpload(job: string): void {
  const token = `demo.${between(100_000, 999_999)}.${between(100_000, 999_999)}`
  say('debug', `PUT /upload Authorization: Bearer ${token}`, { job })
}

takeOrders()
announce()
say('info', 'worker started, waiting for jobs')
setInterval(takeJob, 120)
