import test from 'ava'
import { openCollectedContainers } from '../../collectors/collected-containers.ts'

test('the newest are kept, and those that are told of again', (t) => {
  const collected = openCollectedContainers(3)
  for (const id of ['a', 'b', 'c', 'a', 'd']) collected.add(id)
  t.deepEqual(
    ['a', 'b', 'c', 'd'].filter((id) => collected.has(id)),
    ['a', 'c', 'd'],
  )
})
