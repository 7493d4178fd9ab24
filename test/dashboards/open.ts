import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import type { AlertView, DashboardsOptions, HealthView, Tail } from '../../dashboards/api.ts'
import { openDashboards } from '../../dashboards/server.ts'
import { wallClock } from '../../pipeline/clock.ts'
import type { LogDoc } from '../../pipeline/event.ts'
import { silentLog } from '../../pipeline/log.ts'
import { openMetrics } from '../../pipeline/metrics.ts'
import { parseQuery } from '../../pipeline/query.ts'
import { openSqliteStore } from '../../pipeline/store/sqlite.ts'

/** The dashboards over a real store in a directory of their own; closed with the test. */
export async function open(t: ExecutionContext, options: Partial<DashboardsOptions> = {}) {
  const dir = await mkdtemp(join(tmpdir(), 'mesoscope-dashboards-'))
  const store = openSqliteStore({ dir })
  t.teardown(async () => {
    await store.close()
    await rm(dir, { recursive: true, force: true })
  })
  const tails = openTails()
  const state: { alerts: AlertView[]; health: HealthView } = {
    alerts: [],
    health: { status: 'green', components: [{ name: 'store', status: 'green' }] },
  }
  const dashboards = await openDashboards({
    store,
    tail: tails.tail,
    health: () => state.health,
    alerts: () => state.alerts,
    metrics: openMetrics(),
    clock: wallClock,
    log: silentLog,
    listen: { host: '127.0.0.1', port: 0 },
    ...options,
  })
  t.teardown(() => dashboards.close())
  return { ...dashboards, store, tails, state }
}

/** Live tails that the test feeds by hand. */
export function openTails() {
  const open = new Set<{
    services: string[] | undefined
    query: string
    on: (docs: LogDoc[]) => void
  }>()
  const tail: Tail = (filter, onLines, signal) => {
    const one = { services: filter.services, query: filter.query ?? '', on: onLines }
    open.add(one)
    return new Promise((resolve) => {
      signal.addEventListener('abort', () => {
        open.delete(one)
        resolve()
      })
    })
  }
  return {
    tail,
    count: () => open.size,
    emit(docs: LogDoc[]) {
      for (const { services, query, on } of open) {
        const { matches } = parseQuery(query)
        const service = (doc: LogDoc) => doc['service.name'] as string
        on(docs.filter((doc) => (!services || services.includes(service(doc))) && matches(doc)))
      }
    },
  }
}

/** Waits until `check` gives something, at most ten seconds. */
export async function until<T>(what: string, check: () => T | Promise<T>): Promise<NonNullable<T>> {
  const deadline = wallClock.now() + 10_000
  for (;;) {
    const found = await check()
    if (found) return found
    if (wallClock.now() > deadline) throw new Error(`waited ten seconds for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

export async function getJson(url: string, init: RequestInit = {}) {
  const response = await fetch(url, { redirect: 'manual', ...init })
  // oxlint-disable-next-line typescript/no-explicit-any -- tests look into answers freely
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as any,
  }
}
