import { Trouble } from '../pipeline/errors.ts'
import { openHttp } from '../pipeline/http.ts'
import type { TaskView } from './addresses.ts'
import type { FaultRequest, FaultView } from './faults/apply.ts'
import type { CaughtMail } from './mail-catcher.ts'
import type { LoadPlan } from './load-shape.ts'
import type { WriteRequest } from './marathon/state.ts'
import type { LoadSecond } from './orders.ts'

/** A running playground, steered from another process. All calls throw a Trouble where it refuses or does not answer. */
export interface ControlClient {
  faults(): Promise<FaultView[]>
  /** Resolves when it has begun, with a sentence of how it will be. */
  apply(fault: FaultRequest): Promise<string>
  mails(): Promise<CaughtMail[]>
  tasks(): Promise<TaskView[]>
  load(): Promise<{ plan: LoadPlan; ledger: LoadSecond[] }>
  /** What clients of Marathon asked to be changed, the last thousand, oldest first. */
  writes(): Promise<WriteRequest[]>
  close(): void
}

const path = '/api/playground'

export function openControlClient({ url, token }: { url: string; token: string }): ControlClient {
  const http = openHttp({ urls: [url], auth: { kind: 'bearer', token }, name: 'the playground' })

  async function get<T>(part: string): Promise<T> {
    return (await http.json(`${path}/${part}`)) as T
  }

  return {
    faults: async () => (await get<{ faults: FaultView[] }>('faults')).faults,
    mails: async () => (await get<{ mails: CaughtMail[] }>('mails')).mails,
    tasks: async () => (await get<{ tasks: TaskView[] }>('tasks')).tasks,
    load: () => get('load'),
    writes: async () => (await get<{ writes: WriteRequest[] }>('writes')).writes,
    async apply(fault) {
      const answer = await http.request(`${path}/faults`, { method: 'POST', body: fault })
      const { done, error, remedy } = JSON.parse(answer.text) as Record<string, string>
      if (answer.status === 200) return done ?? ''
      throw new Trouble(error ?? `the playground answers ${answer.status}`, {
        ...(remedy === undefined ? {} : { remedy }),
        retryable: answer.status >= 500,
      })
    },
    close: http.close,
  }
}
