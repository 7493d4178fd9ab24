import test from 'ava'
import { readApps } from '../../collectors/marathon-apps.ts'
import { serviceState } from '../../collectors/marathon-state.ts'
import { appOf, evaluate, task, total } from './app.ts'

const strategies: [unknown, number | 'never' | undefined, string][] = [
  [{ inactiveAfterSeconds: 0, expungeAfterSeconds: 0 }, 0, '; Marathon replaces such at once'],
  [
    { inactiveAfterSeconds: 300, expungeAfterSeconds: 600 },
    300_000,
    '; Marathon replaces such after 5m',
  ],
  ['disabled', 'never', '; Marathon never replaces such'],
  [undefined, undefined, ''],
  [{ inactiveAfterSeconds: 'soon' }, undefined, ''],
  [{ inactiveAfterSeconds: -1 }, undefined, ''],
]

for (const [unreachableStrategy, expected, words] of strategies) {
  test(`what the app says of unreachable tasks is told: ${JSON.stringify(unreachableStrategy)}`, (t) => {
    const { apps = [] } = readApps({ app: { id: '/shop/web', instances: 3, unreachableStrategy } })
    const [app] = apps
    t.is(app?.replaceUnreachable, expected)
    const around = { marathon: 'marathon', atMs: 0, deployments: new Map(), queue: undefined }
    t.is(app && serviceState(app, around)?.replaceUnreachable, expected)
    const tasks = [task('web.0'), task('web.1'), task('web.2', { state: 'TASK_UNREACHABLE' })]
    const { decision } = evaluate({
      state: appOf(3, {
        tasks,
        ...(expected === undefined ? {} : { replaceUnreachable: expected }),
      }),
      signals: { requests: total(45) },
    })
    t.deepEqual(
      decision.steps.find(({ step }) => step === 'unreachable')?.why,
      `1 task cannot be reached: counted as not measured${words}`,
    )
  })
}
