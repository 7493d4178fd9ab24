import test from 'ava'
import { secretsOfHeader, secretsOfUrl } from '../../../alerting/channels/secrets.ts'

test('of a header its value and what stands behind the scheme, of a login the password too', (t) => {
  t.deepEqual(secretsOfHeader('k3y'), ['k3y'])
  t.deepEqual(secretsOfHeader('Bearer t0ken'), ['Bearer t0ken', 't0ken'])
  const basic = Buffer.from('user:pass:word').toString('base64')
  t.deepEqual(secretsOfHeader(`Basic ${basic}`), [
    `Basic ${basic}`,
    basic,
    'user:pass:word',
    'pass:word',
  ])
  t.deepEqual(secretsOfHeader(''), [])
})

test('of an address the path, the query and their longer parts, also as they read decoded', (t) => {
  t.deepEqual(secretsOfUrl(new URL('https://h/')), [])
  const secrets = secretsOfUrl(new URL('https://h/T01/l0ng%20secret?token=t0ken5678&x=1'))
  t.deepEqual(
    new Set(secrets),
    new Set([
      '/T01/l0ng%20secret?token=t0ken5678&x=1',
      '/T01/l0ng%20secret',
      '?token=t0ken5678&x=1',
      'l0ng%20secret',
      't0ken5678',
      'l0ng secret',
    ]),
  )
  t.notThrows(() => secretsOfUrl(new URL('https://h/%zz-broken')))
})
