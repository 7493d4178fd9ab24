import test from 'ava'
import { leaseFactOf, leaseFactsOf } from '../../../alerting/stages/lease-facts.ts'
import { msToIso, type ChangeDoc } from '../../../pipeline/event.ts'
import type { MarathonState, ServiceState } from '../../../pipeline/service-state.ts'

const t0 = Date.parse('2026-11-22T18:03:00Z')

const change = (action: string, rest: Record<string, unknown> = {}): ChangeDoc => ({
  '@timestamp': msToIso(t0),
  'event.id': `change:deployment:5ed4:${action}:/shop/web`,
  'event.kind': 'deployment',
  'event.action': action,
  message: '',
  'marathon.deployment.id': '5ed4',
  'service.name': '/shop/web',
  'deployment.affected': ['/shop/web', '/shop/db'],
  'deployment.step': 1,
  'deployment.steps': 3,
  ...rest,
})

test('what a deployment does is a fact; its beginning tells since when', (t) => {
  const services = ['/shop/web', '/shop/db', '/shop/web']
  const fact = { deployment: '5ed4', at: t0, services, step: 1, steps: 3 }
  t.deepEqual(leaseFactOf(change('started')), { ...fact, what: 'runs', sinceMs: t0 })
  for (const action of ['step', 'stuck']) {
    t.deepEqual(leaseFactOf(change(action)), { ...fact, what: 'runs' }, action)
  }
  for (const action of ['succeeded', 'failed', 'ended']) {
    t.deepEqual(leaseFactOf(change(action)), { ...fact, what: 'ended' }, action)
  }
})

test('other changes are none', (t) => {
  for (const action of ['asked', 'configured', 'instances-changed', 'removed', 'toString']) {
    t.is(leaseFactOf(change(action)), undefined, action)
  }
  t.is(leaseFactOf(change('started', { 'event.kind': 'scaling' })), undefined)
  t.is(leaseFactOf(change('started', { 'marathon.deployment.id': '' })), undefined)
  t.is(leaseFactOf(change('started', { 'marathon.deployment.id': 7 })), undefined)
  t.is(leaseFactOf(change('started', { '@timestamp': 'soon' })), undefined)
})

test('what is told wrongly is left out', (t) => {
  const odd = change('step', {
    'service.name': undefined,
    'deployment.affected': ['/shop/db', 7, ''],
    'deployment.step': 0,
    'deployment.steps': '3',
  })
  t.deepEqual(leaseFactOf(odd), {
    deployment: '5ed4',
    what: 'runs',
    at: t0,
    services: ['/shop/db'],
  })
})

test('a state is as fresh as the last reading of its Marathon', (t) => {
  const state = {
    service: '/shop/web',
    marathon: 'marathon',
    atMs: t0,
    deployments: [{ id: '5ed4', sinceMs: t0 - 5000 }, { id: '6fa1' }],
  } as unknown as ServiceState
  const marathon: MarathonState = { v: 1, marathon: 'marathon', intervalMs: 10_000 }
  const times = (one?: MarathonState) => leaseFactsOf(state, one).map(({ at }) => at)
  t.deepEqual(times(), [t0, t0])
  t.deepEqual(times(marathon), [t0, t0])
  t.deepEqual(times({ ...marathon, atMs: t0 - 1 }), [t0, t0])
  t.deepEqual(leaseFactsOf(state, { ...marathon, atMs: t0 + 60_000 }), [
    {
      deployment: '5ed4',
      what: 'runs',
      at: t0 + 60_000,
      services: ['/shop/web'],
      sinceMs: t0 - 5000,
    },
    { deployment: '6fa1', what: 'runs', at: t0 + 60_000, services: ['/shop/web'] },
  ])
})
