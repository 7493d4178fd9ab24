import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { readMetrics } from '../../collectors/mesos-metrics.ts'
import { mesosMetricFacts, mesosMetricNames } from '../../pipeline/mesos-metric-names.ts'
import { unitOf } from '../../pipeline/metric-names.ts'
import { sharedDir } from '../helpers/shared.ts'

test('units of metrics of Mesos, also of those with names in them', (t) => {
  t.is(unitOf('mesos.master.mem_used'), 'MB')
  t.is(unitOf('mesos.master.cpus_percent'), 'ratio')
  t.is(unitOf('mesos.registrar.state_store_ms.p99'), 'ms')
  t.is(unitOf('mesos.allocator.mesos.allocation_run_ms.count'), undefined, 'a number')
  t.is(unitOf('mesos.allocator.mesos.roles.prod/web.shares.dominant'), 'ratio')
  t.is(unitOf('mesos.never.heard_of'), undefined)
  t.is(
    mesosMetricFacts('master/frameworks/marathon/f-0001/tasks/active/task_running')?.kind,
    'gauge',
  )
})

const shared = sharedDir()
const of = shared ? test : test.skip

of('every name of Mesos’ documentation is in the catalogue', (t) => {
  const file = join(shared ?? '', 'fixtures', 'mesos-metrics-catalogue.json')
  const listed = JSON.parse(readFileSync(file, 'utf8')) as { name: string; type: string }[]
  t.is(listed.length, 266)
  // Six rows of it are the values of <operation>, and no metrics.
  const operations = listed.filter(({ type }) => !/Gauge|Counter/.test(type))
  t.is(operations.length, 6)
  const names = listed.filter((one) => !operations.includes(one)).map(({ name }) => name)
  t.deepEqual([...mesosMetricNames.keys()], [...new Set(names)])
})

of('of a real agent all is known but what the documentation lacks itself', (t) => {
  const file = join(shared ?? '', 'fixtures', 'mesos-1.11', 'cgroups', 'metrics_snapshot.json')
  const answer: unknown = JSON.parse(readFileSync(file, 'utf8'))
  const names = Object.keys(readMetrics(answer).metrics)
  t.true(names.length > 50)
  t.deepEqual(names.filter((name) => mesosMetricFacts(name) === undefined).toSorted(), [
    'containerizer/mesos/provisioner/bind/remove_rootfs_errors',
    'containerizer/mesos/provisioner/remove_container_errors',
    'resource_provider_manager/events/disconnect',
    'resource_provider_manager/events/subscribe',
    'resource_provider_manager/subscribed',
    'slave/tasks_gone',
    'slave/tasks_killing',
  ])
})
