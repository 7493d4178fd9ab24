import { msToIso, type ChangeDoc } from '../../pipeline/event.ts'
import { identityToEcs } from '../../pipeline/identity.ts'
import {
  postureFindings,
  postureNames,
  type HeldFinding,
  type PostureFinding,
  type ServicePosture,
} from '../../pipeline/posture.ts'

/** What appeared and what went away between two states of a service; ids are made of their time. */
export function postureChanges(
  before: ServicePosture | undefined,
  after: ServicePosture,
  atMs: number,
): ChangeDoc[] {
  return postureNames.flatMap((name) => {
    const was = before?.findings[name]?.found === true
    const is = after.findings[name]
    if (is?.found === true) return was ? [] : [changeOf(after, name, 'found', is, atMs)]
    return was ? [changeOf(after, name, 'gone', is, atMs)] : []
  })
}

function changeOf(
  { service, identity }: ServicePosture,
  name: PostureFinding,
  action: 'found' | 'gone',
  held: HeldFinding | undefined,
  atMs: number,
): ChangeDoc {
  const detail = held?.detail ?? 'nothing of it runs any more'
  const accepted = held?.accepted === true
  const { says, remedy } = postureFindings[name]
  const message =
    action === 'found'
      ? `${service} ${says} (${detail})${accepted ? '; this is accepted' : ''}`
      : `${service} has no longer the finding ${name}: ${detail}`
  return {
    '@timestamp': msToIso(atMs),
    'event.id': `change:posture:${service}:${name}:${action}:${atMs}`,
    'event.kind': 'posture',
    'event.action': action,
    message,
    'posture.finding': name,
    'posture.detail': detail,
    'posture.accepted': accepted,
    ...(action === 'found' ? { 'posture.remedy': remedy } : {}),
    ...identityToEcs(identity),
  }
}
