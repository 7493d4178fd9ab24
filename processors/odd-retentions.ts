import type { Clock } from '../pipeline/clock.ts'
import { defaultRetention } from '../pipeline/store/retention.ts'
import type { Identity } from '../pipeline/identity.ts'
import type { Logger } from '../pipeline/log.ts'

const rememberMs = 3_600_000
const mostNames = 100

/** Services that ask for a retention class that is not declared: their events are kept as all others, and that is told. */
export function openOddRetentions({
  declared,
  clock,
  log,
}: {
  declared: readonly string[]
  clock: Clock
  log: Logger
}) {
  const known: ReadonlySet<string> = new Set([defaultRetention, ...declared])
  const seen = new Map<string, { service: string; atMs: number }>()

  return {
    look({ retention, service = 'unresolved' }: Identity): void {
      if (retention === undefined || known.has(retention)) return
      if (!seen.has(retention)) {
        log.warn({ retention, service }, 'this retention class is not in store.retention_classes')
        if (seen.size >= mostNames) seen.clear()
      }
      seen.set(retention, { service, atMs: clock.now() })
    },
    /** Of the last hour. */
    trouble(): string | undefined {
      for (const [name, { service, atMs }] of seen) {
        if (clock.now() - atMs > rememberMs) seen.delete(name)
        else return sentence(name, service)
      }
      return undefined
    },
  }
}

function sentence(name: string, service: string): string {
  const asked = JSON.stringify(name)
  return `${service} asks for the retention class ${asked}, which store.retention_classes lacks: its events are kept as ${defaultRetention}`
}
