import test from 'ava'
import { openPlaces } from '../../processors/places.ts'

test('a group is what is known of the parts; without a service it is that of all unresolved', (t) => {
  const placesBy = openPlaces()
  const groupOf = placesBy(['service', 'task'])
  t.deepEqual(groupOf({ service: '/a', task: 't', agent: 'one' }).group, {
    service: '/a',
    task: 't',
  })
  t.deepEqual(groupOf({ agent: 'one' }).group, { service: 'unresolved' })
  t.deepEqual(placesBy(['agent'])({ service: '/a' }).group, {})
})

test('the same group is the same object, whoever asks and in whatever order of parts it is written', (t) => {
  const placesBy = openPlaces()
  const one = placesBy(['service', 'task'])({ service: '/a', task: 't' })
  t.is(placesBy(['service', 'task'])({ service: '/a', task: 't', agent: 'two' }), one)
  t.is(placesBy(['task', 'service'])({ service: '/a', task: 't' }).text, one.text)
  t.not(placesBy(['service'])({ service: '/a' }), one)
})

test('parts that look alike when they are joined are told apart', (t) => {
  const groupOf = openPlaces()(['service', 'task'])
  t.deepEqual(groupOf({ service: 'a","b' }).group, { service: 'a","b' })
  t.deepEqual(groupOf({ service: 'a', task: 'b' }).group, { service: 'a', task: 'b' })
  t.deepEqual(groupOf({ service: 'null' }).group, { service: 'null' })
  t.deepEqual(openPlaces()(['agent'])({ agent: 'undefined' }).group, { agent: 'undefined' })
})
