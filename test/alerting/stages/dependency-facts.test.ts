import test from 'ava'
import { agentFactOf, agentFactOfAlert } from '../../../alerting/stages/dependency-facts.ts'
import { msToIso, type ChangeDoc } from '../../../pipeline/event.ts'

const t0 = Date.parse('2026-11-22T18:03:00Z')

const change = (action: string, rest: Record<string, unknown> = {}): ChangeDoc => ({
  '@timestamp': msToIso(t0),
  'event.id': `change:cluster:mesos:${action}:S1`,
  'event.kind': 'cluster',
  'event.action': action,
  message: '',
  'mesos.agent.id': 'S1',
  'host.name': 'agent-1',
  ...rest,
})

test('agents that are lost, and back', (t) => {
  const fact = { agent: 'agent-1', at: t0 }
  t.deepEqual(agentFactOf(change('agent-lost')), { ...fact, what: 'lost' })
  t.deepEqual(agentFactOf(change('agent-returned')), { ...fact, what: 'back' })
  t.deepEqual(agentFactOf(change('agent-added')), { ...fact, what: 'back' })
})

test('other changes are none, nor is one that does not name the agent', (t) => {
  t.is(agentFactOf(change('leader-lost')), undefined)
  t.is(agentFactOf(change('constructor')), undefined)
  t.is(agentFactOf(change('agent-lost', { 'event.kind': 'status' })), undefined)
  t.is(agentFactOf(change('agent-lost', { 'host.name': undefined })), undefined)
  t.is(agentFactOf(change('agent-lost', { 'host.name': '' })), undefined)
  t.is(agentFactOf(change('agent-lost', { '@timestamp': '' })), undefined)
})

test('an alert that says so by its name', (t) => {
  const names = new Set(['MesosAgentLost', 'NodeDown'])
  const labels = { alertname: 'NodeDown', agent: 'agent-1' }
  const times = { startsAt: t0, endsAt: t0 + 1000 }
  t.deepEqual(agentFactOfAlert({ labels, ...times }, names, t0), {
    agent: 'agent-1',
    what: 'lost',
    at: t0,
  })
  t.deepEqual(agentFactOfAlert({ labels, ...times }, names, t0 + 1000), {
    agent: 'agent-1',
    what: 'back',
    at: t0 + 1000,
  })
  const other = { labels: { ...labels, alertname: 'DiskFull' }, ...times }
  t.is(agentFactOfAlert(other, names, t0), undefined)
  t.is(agentFactOfAlert({ labels: { alertname: 'NodeDown' }, ...times }, names, t0), undefined)
})
