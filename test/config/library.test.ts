import { fileURLToPath } from 'node:url'
import test from 'ava'
import { checkRules } from '../../cli/check-rules.ts'
import { libraryNames, readLibrary } from '../../config/library.ts'
import { loadSettings } from '../../config/load.ts'
import { loadRuleTests } from '../../config/rule-tests.ts'
import { runRuleTests } from '../../main/rule-tests.ts'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { tempDir } from '../helpers/pipeline.ts'

const pathOf = (name: string) => fileURLToPath(new URL(`library/${name}.yaml`, import.meta.url))

for (const name of libraryNames) {
  test(`the rules about ${name} fire where they should, and only there`, async (t) => {
    const { settings } = loadSettings(pathOf(name), {}, {}, [checkRules])
    const { tests } = loadRuleTests(pathOf(`${name}.test`))
    for (const { differences, name: story } of await runRuleTests(settings, tests)) {
      t.deepEqual(differences, [], story)
    }
    const fired = new Set(
      tests.flatMap(({ expect }) =>
        expect.flatMap(({ alerts }) =>
          alerts.filter(({ state }) => state === 'firing').map(({ alert }) => alert),
        ),
      ),
    )
    for (const { alert, annotations, labels } of readLibrary(name).alerts) {
      t.true(fired.has(alert), `${alert} has no test in which it fires`)
      t.true(annotations.runbook.length > 50, `${alert} says what to do`)
      t.true(['page', 'ticket'].includes(labels['severity'] ?? ''), alert)
    }
  })
}

test('what the settings declare themselves takes the place of what the library has', async (t) => {
  const file = join(await tempDir(t), 'mesoscope.yaml')
  writeFileSync(
    file,
    `rule_library: [marathon]
signals: { task_deaths: { from: changes, where: 'kind:task', measure: count, over: 1h } }
alerts: [{ alert: DeploymentStuck, when: deployments_stuck > 5 }]
`,
  )
  const { settings } = loadSettings(file, {}, {}, [checkRules])
  t.is(settings.signals['task_deaths']?.over, 3_600_000)
  t.deepEqual(
    settings.alerts.filter(({ alert }) => alert === 'DeploymentStuck').map(({ when }) => when),
    ['deployments_stuck > 5'],
  )
  t.true(settings.alerts.some(({ alert }) => alert === 'RestartLoop'))
})

test('a part that the library does not have is a fault with its line', async (t) => {
  const file = join(await tempDir(t), 'mesoscope.yaml')
  writeFileSync(file, 'rule_library: [mesos, chronos]\n')
  const { message } = t.throws(() => loadSettings(file, {})) ?? {}
  t.regex(message ?? '', /mesoscope\.yaml:1: rule_library\[1\]: expected .*mesos/)
})
