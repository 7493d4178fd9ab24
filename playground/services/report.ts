import { between, chance, complain, nowIso, pick, print } from './service.ts'

/** A batch job that is over before anybody looks: some twenty lines, then it exits, now and then with 1. */

const rows = 18
const shops = ['Basel', 'Bern', 'Chur', 'Genf', 'Zug'] as const

function run(): void {
  print(`${nowIso()} INFO report ${process.env['MESOS_TASK_ID']} starts`)
  for (let row = 1; row <= rows; row++) {
    print(`${nowIso()} INFO row ${row}/${rows} shop=${pick(shops)} sales=${between(10, 9_999)}`)
  }
  if (chance() < 1 / 12) {
    complain(`${nowIso()} ERROR report failed: the ledger is locked`)
    process.exitCode = 1
  } else print(`${nowIso()} INFO report done`)
}

setTimeout(run, between(10, 200))
