import test from 'ava'
import { readApps } from '../../collectors/marathon-apps.ts'
import { toRecords } from '../../collectors/spool-records.ts'
import { parseJson } from '../../pipeline/http.ts'
import { appOf, openNews, taskOf } from './fake-marathon.ts'

const [apps, tasksEach] = [2000, 10]

/** What a large Marathon answers: 2,000 apps with ten checked tasks each. */
function largeAnswer(round: number): string {
  return JSON.stringify({
    apps: Array.from({ length: apps }, (_, a) => {
      const id = `/team-${a % 40}/product-${a % 200}/service-${a}`
      const tasks = Array.from({ length: tasksEach }, (__, i) =>
        taskOf(
          `${id.slice(1).replaceAll('/', '_')}.instance-${a}-${i}-${a % 50 === round ? 'b' : 'a'}._app.1`,
          {
            slaveId: '96d7da70-b731-4cfb-96a7-0ee877af615d-S17',
            ports: [31000 + i, 32000 + i],
            ipAddresses: [{ ipAddress: '10.0.0.1', protocol: 'IPv4' }],
            healthCheckResults: [
              {
                alive: true,
                consecutiveFailures: 0,
                firstSuccess: '2026-11-20T10:00:05.000Z',
                lastSuccess: '2026-11-25T10:00:05.000Z',
                lastFailure: null,
                taskId: 'x',
              },
            ],
          },
        ),
      )
      return appOf(id, tasks, { healthChecks: [{ path: '/' }], tasksHealthy: tasksEach })
    }),
  })
}

test('2,000 apps with ten tasks each: a poll costs little more than parsing the answer', (t) => {
  const { news } = openNews()
  const deployments = Array.from({ length: 200 }, (_, d) => ({
    id: `d${d}`,
    affected: [`/team-${d % 40}/product-${d}/service-${d}`],
    steps: [],
    step: 1,
    current: [],
    total: 1,
    sinceMs: Date.now(),
  }))
  const seconds: number[] = []
  for (let round = 0; round < 4; round++) {
    const text = largeAnswer(round)
    const before = process.cpuUsage()
    const atMs = Date.now()
    const { apps: read } = readApps(parseJson(text))
    const collected = news.poll({
      startMs: atMs,
      atMs,
      apps: read ?? [],
      hasPods: true,
      ends: [],
      deployments,
      queue: new Map(),
      hearsEvents: true,
    })
    const records = toRecords(collected)
    const { user, system } = process.cpuUsage(before)
    seconds.push((user + system) / 1e6)
    t.is(
      collected.samples?.reduce((sum, { head }) => sum + head.count, 0),
      apps,
    )
    // Of each fiftieth app all tasks are new, and those that were new before are others again.
    const changed = round === 0 ? apps : 2 * (apps / 50)
    t.is(collected.services?.length, changed)
    t.is(collected.tasks?.length, changed * tasksEach)
    t.true(records.length > changed)
    t.log(
      `round ${round}: ${(text.length / 1e6).toFixed(1)} MB, ${seconds.at(-1)?.toFixed(2)} s of CPU`,
    )
  }
  // As many as this machine takes only to parse and write the answer a few times.
  const floor = cpuOf(() => void JSON.stringify(JSON.parse(largeAnswer(0))))
  const quickest = Math.min(...seconds.slice(1))
  t.true(quickest < 8 * floor, `seconds of CPU: ${seconds.join(', ')}; to parse it: ${floor}`)
})

function cpuOf(work: () => void): number {
  const rounds = [1, 2, 3].map(() => {
    const before = process.cpuUsage()
    work()
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1e6
  })
  return Math.min(...rounds)
}
