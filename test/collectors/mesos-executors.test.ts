import test from 'ava'
import { openExecutors } from '../../collectors/mesos-executors.ts'
import { readAgentState } from '../../collectors/mesos-state.ts'
import { mesosFixture } from './mesos-fixture.ts'

const read = (name: string) => readAgentState(mesosFixture(`steady/${name}`))

test('a real agent’s task group: each task by its container, the executor by its own, each once', (t) => {
  const executors = openExecutors({ cluster: 'test' })
  const state = read('agent2_state.json')
  const { tasks, containers } = executors.update(state, 'agent-2')
  const group = state.executors.find(({ tasks: all }) => all.length === 2)
  const own = containers.filter(({ container }) => container === group?.container)
  t.is(own.length, 1)
  t.like(own[0], { agent: 'agent-2', framework: group?.framework, task: undefined })
  t.truthy(own[0]?.service)
  const nested = group?.tasks.map(({ id }) => tasks.find(({ task }) => task === id)?.container)
  t.is(new Set(nested).size, 2)
  t.false(nested?.includes(group?.container) ?? true)
  t.deepEqual(executors.update(state, 'agent-2'), { tasks: [], containers: [] })
})

test('a command task’s executor is in the task’s container, and not told of beside it', (t) => {
  const executors = openExecutors({ cluster: 'test' })
  const { tasks, containers } = executors.update(read('agent1_state.json'), 'agent-1')
  const known = new Set(tasks.map(({ container }) => container))
  t.true(known.size > 0)
  t.deepEqual(
    containers.filter(({ container }) => known.has(container)),
    [],
  )
})

test('a command task that no status has given a container is in that of its executor', (t) => {
  const update = (image?: string) => {
    const container =
      image === undefined ? {} : { container: { type: 'DOCKER', docker: { image } } }
    const task = { id: 'sick.1', name: 'sick', statuses: [], ...container }
    const executor = { id: 'sick.1', container: 'c1', tasks: [task] }
    const frameworks = [{ id: 'F', name: 'shop', executors: [executor] }]
    return openExecutors({}).update(readAgentState({ frameworks }), 'agent-1')
  }
  const known = { service: '/shop/sick', task: 'sick.1', agent: 'agent-1', framework: 'F' }
  t.deepEqual(update(), { tasks: [{ ...known, container: 'c1' }], containers: [] })
  const docker = { ...known, containerName: 'mesos-c1', image: 'i:1' }
  t.deepEqual(update('i:1'), { tasks: [docker], containers: [] })

  const executors = openExecutors({})
  const { tasks } = executors.update(read('agent1_state.json'), 'agent-1')
  const failed = tasks.find(({ task }) => task === 'bad-uri.1')
  t.like(failed, { service: '/shop/bad-uri', container: 'b7117358-42f8-4113-ab93-a678622ca925' })
})
