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
