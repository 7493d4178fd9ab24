import { apps, balanced, pods } from '../apps.ts'
import type { Amount, FaultKind } from './kind.ts'

const [web, worker, payments, search] = [balanced, '/shop/worker', '/shop/payments', '/shop/search']

type Services = readonly [string, ...string[]]
const webFirst = (definitions: readonly Record<string, unknown>[]): Services => {
  const others = definitions.map(({ id }) => String(id)).filter((id) => id !== web)
  return [web, ...others]
}
const anyApp = webFirst(apps)
const any = webFirst([...apps, ...pods])

const over = undefined
const instances: Amount = { of: 'instances', usual: 1, min: 1, max: 8 }

/** What becomes of tasks, and of what they print. */
export const serviceFaults = {
  errors: {
    description:
      'The service fails at its work and logs errors, on the web for the percentage of its requests.',
    services: [web, worker, payments, search],
    amount: { of: 'percent of its work', usual: 90, min: 1, max: 100 },
    seconds: 'calm',
    begin: ({ acting }, { service, amount }) => acting.all(service, 'errors', amount),
  },
  silence: {
    description: 'The service lives on but prints nothing any more.',
    services: [worker, ...any.filter((id) => id !== worker)],
    seconds: 'calm',
    begin: ({ acting }, { service }) => acting.all(service, 'silence'),
  },
  kill: {
    description: 'Instances are killed (SIGKILL); Marathon starts new ones.',
    services: any,
    amount: instances,
    async begin({ acting }, { service, amount }) {
      acting.kill(service, amount)
      return over
    },
  },
  oom: {
    description: 'Instances take more and more memory until they are killed for it.',
    services: any,
    amount: instances,
    async begin({ acting }, { service, amount }) {
      await acting.some(service, amount, 'oom')
      return over
    },
  },
  hang: {
    description: 'Instances stop answering and working; the health check finds out.',
    services: any,
    amount: instances,
    seconds: 'calm',
    begin: ({ acting }, { service, amount }) => acting.some(service, amount, 'hang'),
  },
  burst: {
    description: 'One instance of /shop/web prints debug lines as fast as it can.',
    services: [web],
    amount: { of: 'lines', usual: 20_000, min: 1, max: 1_000_000 },
    async begin({ acting }, { service, amount }) {
      await acting.some(service, 1, 'burst', amount)
      return over
    },
  },
  'bad-lines': {
    description:
      '/shop/payments prints a line of 2 MB and, every 5 seconds, invalid UTF-8, NUL, broken JSON, terminal escapes and markup.',
    services: [payments],
    seconds: 'calm',
    begin: ({ acting }, { service }) => acting.all(service, 'bad-lines'),
  },
  deploy: {
    description: 'A new version is deployed, instance by instance.',
    services: anyApp,
    async begin({ deploy }, { service }) {
      deploy(service)
      return over
    },
  },
} satisfies Record<string, FaultKind>
