import { Trouble } from '../pipeline/errors.ts'
import type { App } from './demo-apps.ts'
import type { ActedFault } from './orders.ts'

export interface Fault {
  name: string
  /** One sentence for the person who is about to cause it. */
  description: string
}

interface FaultPlan {
  description: string
  app?: App['id']
  /** What the service is told; without it the playground does the deed itself. */
  acted?: ActedFault
  /** Acted by the oldest instance alone. */
  single?: boolean
  /** Goes on until `calm`, also in instances that are started later. */
  lasting?: boolean
}

export const faultPlans = {
  errors: {
    description:
      '/shop/web answers nine of ten requests with 500 and logs about 20 errors a second.',
    app: '/shop/web',
    acted: 'errors',
    lasting: true,
  },
  silence: {
    description: '/shop/worker lives on but prints nothing any more.',
    app: '/shop/worker',
    acted: 'silence',
    lasting: true,
  },
  crash: {
    description:
      'One instance of /shop/web is killed (SIGKILL); a new task replaces it after 3 seconds.',
    app: '/shop/web',
  },
  burst: {
    description: 'One instance of /shop/web prints 20,000 debug lines as fast as it can.',
    app: '/shop/web',
    acted: 'burst',
    single: true,
  },
  'bad-lines': {
    description:
      '/shop/payments prints a line of 2 MB and, every 5 seconds, invalid UTF-8, NUL, broken JSON, terminal escapes and markup.',
    app: '/shop/payments',
    acted: 'bad-lines',
    lasting: true,
  },
  calm: { description: 'Ends all faults.' },
} as const satisfies Record<string, FaultPlan>
export type FaultName = keyof typeof faultPlans

export function listFaults(): (Fault & { name: FaultName })[] {
  const names = Object.keys(faultPlans) as FaultName[]
  return names.map((name) => ({ name, description: faultPlans[name].description }))
}

/** @throws Trouble that names the faults there are. */
export function faultPlan(name: string): FaultPlan & { name: FaultName } {
  if (!Object.hasOwn(faultPlans, name)) {
    throw new Trouble(`there is no fault ${JSON.stringify(name)}`, {
      remedy: `choose one of ${Object.keys(faultPlans).join(', ')}`,
    })
  }
  const known = name as FaultName
  return { name: known, ...faultPlans[known] }
}
