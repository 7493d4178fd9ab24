import test from 'ava'
import fc from 'fast-check'
import {
  createDependency,
  type Dependency,
  type DependencyState,
  type Placement,
} from '../../../alerting/stages/dependency.ts'
import type { AgentFact } from '../../../alerting/stages/dependency-facts.ts'

const t0 = Date.parse('2026-11-22T18:03:00Z')
const minute = 60_000

/** `/shop/web` was moved to agent-3 one second after the beginning. */
const placement: Placement = {
  agentOf: (task) =>
    new Map([
      ['web.1', 'agent-1'],
      ['web.2', 'agent-2'],
    ]).get(task),
  agentsOf: (service, at) => {
    if (service === '/shop/web') return at <= t0 ? ['agent-1'] : ['agent-3']
    return service === '/shop/both' ? ['agent-1', 'agent-2'] : []
  },
}

const fact = (what: AgentFact['what'], at: number, agent = 'agent-1'): AgentFact => ({
  agent,
  what,
  at: t0 + at,
})

/** With these facts, each taken when it was so. */
function dependencyWith(...facts: AgentFact[]): Dependency {
  const dependency = createDependency(placement)
  for (const one of facts) dependency.take(one, one.at)
  return dependency
}

const why = (dependency: Dependency, at: number, labels: Record<string, string>) =>
  dependency.heldBy({ alertname: 'X', ...labels }, t0 + at)

test('a lost agent holds the alerts of its tasks, and of services that ran there alone', (t) => {
  const dependency = dependencyWith(fact('lost', 0))
  const sentence = 'agent agent-1, where it ran, is lost since 18:03 UTC'
  const told = (labels: Record<string, string>) => why(dependency, minute, labels)
  t.is(told({ task: 'web.1' }), sentence)
  t.is(told({ service: '/shop/web' }), sentence)
  t.is(told({ service: '/shop/web', agent: 'agent-1' }), sentence)
  t.is(told({ task: 'web.2', service: '/shop/web' }), undefined, 'a task elsewhere')
  t.is(told({ task: 'unknown' }), undefined)
  t.is(told({ service: '/shop/both' }), undefined, 'an instance runs elsewhere')
  t.is(told({ service: '/shop/web', agent: 'agent-3' }), undefined, 'told of another agent')
  t.is(told({ service: '/shop/unknown' }), undefined)
  t.is(told({ agent: 'agent-1' }), undefined, 'the agent itself')
  t.is(told({}), undefined)
})

test('a service on two agents is held while both are lost', (t) => {
  const dependency = dependencyWith(fact('lost', 0), fact('lost', 4 * minute, 'agent-2'))
  const both = { service: '/shop/both' }
  t.is(
    why(dependency, 5 * minute, both),
    'agent agent-1 and 1 more, where all of it ran, are lost since 18:03 UTC',
  )
  dependency.take(fact('back', 6 * minute, 'agent-2'), t0 + 6 * minute)
  t.is(why(dependency, 6 * minute, both), undefined)
  t.truthy(why(dependency, 6 * minute, { service: '/shop/web' }))
})

test('it holds for ten minutes, or until the agent is back', (t) => {
  const task = { task: 'web.1' }
  const gone = dependencyWith(fact('lost', 0))
  t.truthy(why(gone, 10 * minute - 1, task))
  t.is(why(gone, 10 * minute, task), undefined)
  const back = dependencyWith(fact('lost', 0), fact('back', 2 * minute))
  t.is(why(back, 2 * minute, task), undefined)
  const again = dependencyWith(fact('lost', 0), fact('back', 2 * minute), fact('lost', 3 * minute))
  t.truthy(why(again, 13 * minute - 1, task))
  t.is(why(again, 13 * minute, task), undefined)
})

test('a loss that is told again and again is one; an alert about it may outlive it', (t) => {
  const task = { task: 'web.1' }
  const dependency = dependencyWith(fact('lost', 0), fact('lost', 5 * minute))
  t.is(why(dependency, 10 * minute, task), undefined)
  const repeated = (at: number) => dependency.take(fact('lost', 0), t0 + at)
  repeated(11 * minute)
  t.is(why(dependency, 11 * minute, task), undefined)
  dependency.take(fact('lost', 12 * minute), t0 + 12 * minute)
  dependency.take(fact('back', 13 * minute), t0 + 13 * minute)
  dependency.take(fact('lost', 12 * minute), t0 + 14 * minute)
  t.is(why(dependency, 14 * minute, task), undefined)
})

test('late news change nothing', (t) => {
  const task = { task: 'web.1' }
  const late = dependencyWith(fact('lost', 5 * minute))
  late.take(fact('back', 4 * minute), t0 + 6 * minute)
  t.truthy(why(late, 6 * minute, task))
  const back = dependencyWith(fact('back', 5 * minute))
  back.take(fact('back', minute), t0 + 5 * minute)
  back.take(fact('lost', 4 * minute), t0 + 6 * minute)
  t.is(why(back, 6 * minute, task), undefined)
  const ahead = createDependency(placement)
  ahead.take(fact('lost', 60 * minute), t0)
  t.is(why(ahead, 10 * minute, task), undefined, 'a clock that is ahead')
})

test('it remembers nothing that is over', (t) => {
  const dependency = dependencyWith(fact('lost', 0), fact('back', minute, 'agent-2'))
  dependency.take(fact('back', 12 * minute, 'agent-3'), t0 + 12 * minute)
  dependency.take(fact('lost', minute, 'agent-4'), t0 + 12 * minute)
  t.deepEqual(dependency.state(), { lost: [], back: [['agent-3', t0 + 12 * minute]] })
})

const step = fc.record({
  wait: fc.integer({ min: 0, max: 4 * minute }),
  late: fc.constantFrom(0, 0, minute, 9 * minute),
  what: fc.constantFrom('lost', 'lost', 'back'),
  agent: fc.constantFrom('agent-1', 'agent-2', 'agent-3'),
  restart: fc.boolean(),
})

test('a restart at any moment changes nothing', (t) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const steady = createDependency(placement)
      let restarted = createDependency(placement)
      let now = t0
      for (const { wait, late, restart, ...news } of steps) {
        now += wait
        for (const one of [steady, restarted]) one.take({ ...news, at: now - late }, now)
        if (restart) {
          const state = JSON.parse(JSON.stringify(restarted.state())) as DependencyState
          restarted = createDependency(placement, {}, state)
        }
        for (const name of ['web.1', 'web.2']) {
          const labels = { task: name }
          t.is(restarted.heldBy(labels, now), steady.heldBy(labels, now))
        }
        const both = { service: '/shop/both' }
        t.is(restarted.heldBy(both, now), steady.heldBy(both, now))
      }
    }),
    { numRuns: 200 },
  )
})
