import type { CountedSignal } from '../../processors/buckets.ts'

/** A site as large as one wants: its services, and what it measures of them. */
export interface Site {
  services: string[]
  signals: Record<string, CountedSignal>
}

/** Of a thousand signals so many are of each kind; `busy` gives a service that is likelier a busy one. */
interface Kind {
  share: number
  make(
    n: number,
    busy: () => string,
  ): Omit<CountedSignal, 'by'> & Partial<Pick<CountedSignal, 'by'>>
}

const logs = { from: 'logs' } as const
const phrases = ['timeout', '"pool exhausted"', '"slow query"', '"cache miss"', 'authorised']
/** Errors that are declared for the day on which they come. */
const rare = (n: number) => `"E${n}X disk ${n} failed"`

const kinds: Kind[] = [
  { share: 400, make: (_, busy) => ({ ...logs, where: `service:"${busy()}" AND level:error` }) },
  {
    share: 150,
    make: (n, busy) => ({
      ...logs,
      where: `service:"${busy()}" AND ${phrases[n % phrases.length]}`,
    }),
  },
  { share: 50, make: (_, busy) => ({ ...logs, where: `service:"${busy()}" AND status:>=500` }) },
  {
    share: 60,
    make: (_, busy) => ({ ...logs, where: `service:"${busy()}"`, field: 'dur_ms', measure: 'p99' }),
  },
  {
    share: 20,
    make: (n) => ({ ...logs, where: `service:/^\\/team-${n % 40}\\// AND level:error` }),
  },
  { share: 30, make: (n) => ({ ...logs, where: ['level:error', 'level:warn', ''][n % 3] ?? '' }) },
  { share: 100, make: (n) => ({ ...logs, where: n % 20 === 0 ? 'exhausted' : rare(n) }) },
  {
    share: 10,
    make: (n) =>
      n % 2 === 0
        ? { ...logs, where: 'status:>=500' }
        : { ...logs, where: '', field: 'dur_ms', measure: 'p95' },
  },
  {
    share: 60,
    make: (n, busy) => ({
      from: 'metrics',
      metric: metricOf(n),
      where: `service:"${busy()}"`,
      measure: 'avg',
    }),
  },
  {
    share: 30,
    make: (n) => ({
      from: 'metrics',
      metric: metricOf(n),
      where: '',
      by: ['service', 'task'],
      measure: n % 3 === 0 ? 'p95' : 'max',
    }),
  },
  {
    share: 90,
    make: (n, busy) => ({
      from: 'changes',
      where: n % 9 === 0 ? 'kind:task AND action:died' : `service:"${busy()}" AND kind:task`,
    }),
  },
]

export const metricNames = 12
export const metricOf = (n: number) => `container.measured.${n % metricNames}`

export function siteOf(size: { signals: number; services: number }, random: () => number): Site {
  const services = Array.from({ length: size.services }, (_, n) => `/team-${n % 40}/service-${n}`)
  // Half of the signals are of services that are looked after because they are busy.
  const busy = () => services[rankOf(random, services.length)] as string
  const anyOf = () => services[Math.floor(random() * services.length)] as string
  const signals: Site['signals'] = {}
  for (const [i, { share, make }] of kinds.entries()) {
    const count = Math.max(1, Math.round((share * size.signals) / 1000))
    for (let n = 0; n < count; n++) {
      const made = make(n, n % 2 === 0 ? busy : anyOf)
      signals[`kind${i}_${n}`] = { by: ['service'], ...made }
    }
  }
  return { services, signals }
}

/** A place from 0 on, of `count`: the second comes half as often as the first, the third a third as often (Zipf). */
export function rankOf(random: () => number, count: number): number {
  return Math.min(count - 1, Math.floor((count + 1) ** random()) - 1)
}
