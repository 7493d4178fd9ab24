import test from 'ava'
import { loadSettings } from '../../config/load.ts'
import { reloadWords } from '../../main/reload.ts'

const settingsOf = (alerts: object[], more: object = {}) =>
  loadSettings(undefined, {}, { alerts, ...more }).settings

test('a reload tells what is new, gone, changed, set aside, and what waits for a restart', (t) => {
  const before = settingsOf([
    { alert: 'Same', when: 'errors > 1' },
    { alert: 'Other', when: 'errors > 2' },
    { alert: 'Gone', when: 'errors > 3' },
    { alert: 'Bad', when: 'errors > 4' },
  ])
  const after = settingsOf(
    [
      { alert: 'Same', when: 'errors > 1' },
      { alert: 'Other', when: 'errors > 2', for: '1m' },
      { alert: 'New', when: 'errors > 5' },
    ],
    { mail: { host: 'mail' }, cluster: 'prod' },
  )
  const told = reloadWords(before, after, [{ alert: 'Bad', labels: {}, faults: ['x'] }])
  t.is(
    told,
    'rules reloaded (3); new: New; gone: Gone; changed: Other; told otherwise: mail; set aside for their faults: Bad; what needs a restart: cluster',
  )
  t.is(reloadWords(after, after, []), 'rules reloaded (3)')
})

test('another password is another setting, and stands in no sentence', (t) => {
  const withPassword = (password: string) =>
    settingsOf([], {
      mail: { host: 'mail', from: 'a@example.com', to: ['b@example.com'], user: 'u', password },
      store: { elasticsearch: { urls: ['https://localhost:9200'], user: 'u', password } },
    })
  const told = reloadWords(withPassword('before-1'), withPassword('after-2'), [])
  t.is(told, 'rules reloaded (0); told otherwise: mail; what needs a restart: store')
})
