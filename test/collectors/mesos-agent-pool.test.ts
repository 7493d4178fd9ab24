import test from 'ava'
import { openAgentPool } from '../../collectors/mesos-agent-pool.ts'
import { Trouble } from '../../pipeline/errors.ts'
import { until } from '../helpers/pipeline.ts'

const agents = (...names: string[]) =>
  names.map((id) => ({ id, address: `${id}:5051`, hostname: id }))

/** Collectors that are as the test says. */
function openAll() {
  const open = new Map<string, { trouble?: string; through: number }>()
  const closed: string[] = []
  const pool = openAgentPool(({ address = '' }) => {
    if (address.startsWith('bad')) throw new Trouble('cannot be asked', { remedy: 'mend it' })
    const state: { trouble?: string; through: number } = { through: 0 }
    open.set(address, state)
    return Promise.resolve({
      name: address,
      through: () => state.through,
      trouble: () => state.trouble,
      close: () => Promise.resolve(void (open.delete(address), closed.push(address))),
    })
  })
  return { pool, open, closed }
}

test('agents come and go, each is open once', async (t) => {
  const { pool, open, closed } = openAll()
  pool.sync(agents('a', 'b'))
  pool.sync(agents('a', 'b'))
  await until('both', () => open.size === 2)
  pool.sync(agents('b', 'c'))
  await until('the new one', () => open.has('c:5051'))
  t.deepEqual([...open.keys()], ['b:5051', 'c:5051'])
  t.deepEqual(closed, ['a:5051'])
  await pool.close()
  t.is(open.size, 0)
  pool.sync(agents('d'))
  t.is(open.size, 0, 'not after the end')
})

test('agents without an address are left out, and one that goes while it is opened is closed', async (t) => {
  const { pool, open, closed } = openAll()
  pool.sync([{ id: 'x' }, ...agents('a')])
  pool.sync([])
  await until('closed', () => closed.length === 1)
  t.is(open.size, 0)
  await pool.close()
})

test('the slowest that has seen something counts; troubles are told as one', async (t) => {
  const { pool, open } = openAll()
  t.is(pool.through(), Infinity)
  pool.sync(agents('a', 'b', 'c'))
  await until('all', () => open.size === 3)
  t.is(pool.through(), Infinity)
  Object.assign(open.get('a:5051') as object, { through: 7 })
  Object.assign(open.get('b:5051') as object, { through: 5, trouble: 'b is away' })
  t.is(pool.through(), 5)
  t.is(pool.trouble(), 'b is away')
  Object.assign(open.get('c:5051') as object, { trouble: 'c is away' })
  t.is(pool.trouble(), 'b is away (and 1 more agents)')
  await pool.close()
})

test('an address that cannot be used is told, the others are asked', async (t) => {
  const { pool, open } = openAll()
  pool.sync(agents('bad', 'a'))
  await until('the good one', () => open.has('a:5051'))
  t.is(pool.trouble(), 'cannot be asked: mend it')
  await pool.close()
})
