import { manualClock } from '../../pipeline/clock.ts'
import {
  openElasticsearchStore,
  type ElasticsearchOptions,
} from '../../pipeline/store/elasticsearch.ts'
import { dayMs, noon } from '../contracts/lines.ts'
import type { StoreSubject } from '../contracts/store-subject.ts'

/** Behind all that contracts store. */
const clock = manualClock(noon + 10 * dayMs)

export const onOneNode = { shards: 1, replicas: 0 }

export async function openElasticsearchSubject(
  url: string,
  more: Partial<ElasticsearchOptions> & { prefix: string },
): Promise<StoreSubject> {
  const open = () =>
    openElasticsearchStore({
      connection: { urls: [url] },
      clock,
      index: onOneNode,
      retentions: ['brief'],
      ...more,
    })
  const subject: StoreSubject = {
    store: await open(),
    async reopen() {
      await subject.store.close()
      return (subject.store = await open())
    },
    async settle() {
      await ask(url, 'POST', `/${more.prefix}-*/_refresh`)
    },
    async clean() {
      await subject.store.close()
      await removeIndices(url, more.prefix)
    },
  }
  return subject
}

/** The indices of a prefix; its templates stay for the next subject. */
export async function removeIndices(url: string, prefix: string): Promise<void> {
  const names = Object.keys(await ask(url, 'GET', `/${prefix}-*/_alias?expand_wildcards=all`))
  if (names.length > 0) await ask(url, 'DELETE', `/${names.join()}`)
}

/** Asks the server beside the store. */
export async function ask(
  url: string,
  method: string,
  path: string,
  body?: object,
): Promise<Record<string, unknown>> {
  const answer = await fetch(`${url}${path}`, {
    method,
    ...(body
      ? { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
      : {}),
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text.slice(0, 500)}`)
  return JSON.parse(text) as Record<string, unknown>
}
