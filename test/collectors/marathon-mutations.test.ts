import fc from 'fast-check'
import type { Problem } from '../../collectors/answer.ts'
import { readApps, readGroups } from '../../collectors/marathon-apps.ts'
import { readDeployments } from '../../collectors/marathon-deployments.ts'
import { readEvent } from '../../collectors/marathon-event.ts'
import { readInfo } from '../../collectors/marathon-info.ts'
import { readPods } from '../../collectors/marathon-pods.ts'
import { readQueue } from '../../collectors/marathon-queue.ts'
import { readTasks } from '../../collectors/marathon-tasks.ts'
import { toRecords } from '../../collectors/spool-records.ts'
import { mutated, mutations } from '../helpers/mutate.ts'
import { openNews } from './fake-marathon.ts'
import { goMarathon, marathonFixture, marathonFixtures, withMarathon } from './marathon-fixture.ts'

const readers: Record<string, (answer: unknown) => { problems: Problem[] }> = {
  readApps,
  readDeployments,
  readEvent,
  readGroups,
  readInfo,
  readPods,
  readQueue,
  readTasks,
}

withMarathon(
  'answers with fields missing, renamed, of another type, huge or deep: nothing throws',
  (t) => {
    const answers = marathonFixtures().flatMap((name): unknown[] => {
      const fixture = marathonFixture(name)
      if (name === 'go-marathon-rest-api') return goMarathon().map(({ body }) => body)
      return name.includes('event') && Array.isArray(fixture) ? fixture : [fixture]
    })
    fc.assert(
      fc.property(fc.constantFrom(...answers), mutations, (answer, steps) => {
        const value = mutated(answer, steps)
        for (const [name, read] of Object.entries(readers)) {
          const { problems } = read(value)
          t.true(
            problems.every(({ path, problem }) => path.startsWith('$') && problem !== ''),
            name,
          )
          t.true(problems.length <= 1000, name)
        }
      }),
      { numRuns: 5000, includeErrorInReport: true },
    )
  },
)

withMarathon(
  'what is made of mutated answers can be told: nothing throws, all of it is JSON',
  (t) => {
    const lists = ['marathon-consul-app', 'marathon-consul-apps', 'dd-agent-apps', 'docs-app_list']
    const plans = ['docs-deployments', 'dcos-ui-deployments-3', 'dd-agent-deployments']
    const events = (marathonFixture('docs-events') as unknown[]).concat(
      marathonFixture('go-marathon-events'),
    )
    const { news } = openNews()
    const fixture = (names: string[]) => fc.constantFrom(...names.map(marathonFixture))
    fc.assert(
      fc.property(
        fc.tuple(fixture(lists), mutations),
        fc.tuple(fixture(plans), mutations),
        fc.tuple(fc.constantFrom(...events), mutations),
        fc.tuple(
          fc.constant(goMarathon().find(({ uri }) => uri === '/v2/pods/::status')?.body),
          mutations,
        ),
        ([apps, a], [deployments, d], [event, e], [pods, p]) => {
          const atMs = Date.now()
          const told = readEvent(mutated(event, e)).event
          const podded = readPods(mutated(pods, p))
          const collected = [
            news.poll({
              startMs: atMs,
              atMs,
              apps: [...(readApps(mutated(apps, a)).apps ?? []), ...(podded.apps ?? [])],
              hasPods: true,
              ends: podded.ends,
              deployments: readDeployments(mutated(deployments, d)).deployments ?? [],
              queue: readQueue(mutated(marathonFixture('docs-queue'), a)).queue,
              hearsEvents: false,
            }),
            told ? news.event(told, atMs) : {},
          ]
          for (const batch of collected) {
            t.true(toRecords(batch).every(({ key }) => typeof key === 'string'))
            t.is(typeof JSON.stringify(batch.positions ?? {}), 'string')
            for (const doc of batch.changes ?? []) t.regex(doc['@timestamp'], /^\d{4}-.*Z$/)
          }
        },
      ),
      { numRuns: 500 },
    )
  },
)

/** Fields without which something is not understood, in an answer that is otherwise whole. */
const needed: [fixture: string, reader: string, path: (string | number)[]][] = [
  ['marathon-consul-app', 'readApps', ['app', 'id']],
  ['marathon-consul-app', 'readApps', ['app', 'tasks', 0, 'id']],
  ['docs-app_list', 'readApps', ['apps']],
  ['docs-deployments', 'readDeployments', [0, 'id']],
  ['docs-deployments', 'readDeployments', [0, 'steps', 0, 'actions', 0, 'action']],
  ['docs-queue', 'readQueue', ['queue']],
  ['docs-queue', 'readQueue', ['queue', 0, 'app']],
  ['dcos-ui-groups-1-task', 'readGroups', ['apps', 0, 'id']],
  ['docs-tasks', 'readTasks', ['tasks']],
  ['docs-pod', 'readPods', ['id']],
]
for (const [fixture, reader, path] of needed) {
  withMarathon(`${fixture} without ${path.join('.')}: told, and the rest is read`, (t) => {
    const copy = structuredClone(marathonFixture(fixture))
    const holder = path.slice(0, -1).reduce((value, key) => (value as never)[key], copy) as Record<
      string | number,
      unknown
    >
    const key = path.at(-1) as string | number
    t.true(key in holder)
    delete holder[key]
    const before = readers[reader]?.(marathonFixture(fixture)).problems.length ?? 0
    t.true((readers[reader]?.(copy).problems.length ?? 0) > before)
    holder[key] = 7n
    t.true((readers[reader]?.(copy).problems.length ?? 0) > before)
  })
}
