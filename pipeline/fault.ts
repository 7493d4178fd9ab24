/**
 * Named points at which a test may kill the program, to prove that a kill there neither loses nor doubles anything.
 * `MESOSCOPE_KILL_AT=<point>:<n>` sends SIGKILL to the own process when the point is reached for the n-th time.
 */
export const killPoints = [
  'spool:before-commit',
  'spool:after-commit',
  'ship:before-produce',
  'ship:after-produce',
  'store:before-commit',
  'store:after-commit',
  'index:before-commit',
  'deaths:before-produce',
  'measure:before-snapshot',
  'measure:after-snapshot',
  'alert:before-state',
  'notify:before-send',
  'notify:after-send',
  'scale:before-patch',
  'scale:after-patch',
  'scale:before-state',
] as const
export type KillPoint = (typeof killPoints)[number]

const [armedPoint, countText] = (process.env['MESOSCOPE_KILL_AT'] ?? '').split(/:(?=\d+$)/)
let left = Number(countText ?? 0)

export function killPoint(point: KillPoint): void {
  if (point !== armedPoint || --left !== 0) return
  process.kill(process.pid, 'SIGKILL')
}
