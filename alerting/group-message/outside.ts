/** What the message of one alert shows that none of our rules has made: what its sender wrote, and nothing else. */
import { cleanLine, cleanText, safeLink } from '../clean.ts'
import { utc, type Content, type Row, type Section } from '../message/content.ts'
import { spokenDuration } from '../rules/humanize.ts'
import { labelOf, sortedLabels, type Labels } from '../stages/labels.ts'
import {
  calledOf,
  ownerOf,
  runbookOf,
  saidOf,
  sourceLink,
  summaryOf,
  type ToldAlert,
} from './told.ts'

export function outsideContent(
  told: ToldAlert,
  nowMs: number,
  also: Pick<Content, 'rows' | 'sections' | 'links'>,
): Content {
  const { alert } = told
  const said = saidOf(told)
  const source = sourceLink(told)
  return {
    firing: alert.status === 'firing',
    title: said === '' ? calledOf(told) : cleanLine(`${calledOf(told)}: ${said}`, 300),
    summary: summaryText(told),
    rows: [...factRows(told, nowMs), ...also.rows],
    sections: [
      ...pairSection('Labels', alert.labels),
      ...pairSection('What its sender says', alert.annotations),
      ...also.sections,
    ],
    links: [...(source === undefined ? [] : [{ name: 'Its source', url: source }]), ...also.links],
    notes: [],
  }
}

/** Of what is over it tells of the past. */
function summaryText({ alert }: ToldAlert): string | undefined {
  const summary = summaryOf(alert)
  if (summary === undefined) return undefined
  return cleanText(alert.status === 'firing' ? summary : `It was: ${summary}`, 1000)
}

function factRows(told: ToldAlert, nowMs: number): Row[] {
  const { alert, service, since } = told
  const until = alert.status === 'firing' ? nowMs : alert.endsAt
  const lasted = spokenDuration(Math.max(0, until - since))
  const runbook = runbookOf(told, undefined)
  const link = runbook === undefined ? undefined : safeLink(runbook)
  const rows: [name: string, text: string | undefined, link?: string][] = [
    ['Service', service],
    alert.status === 'firing'
      ? ['Since', `${utc(since)} (for ${lasted})`]
      : ['Lasted', `${lasted}, ${utc(since)} to ${utc(until)}`],
    ['Severity', labelOf(alert.labels, 'severity')],
    ['Owner', ownerOf(told, undefined)],
    ['Runbook', runbook, link],
  ]
  return rows.flatMap(([name, text = '', link]) => {
    const shown = cleanLine(text, 500)
    return shown === '' ? [] : [{ name, text: shown, ...(link === undefined ? {} : { link }) }]
  })
}

const most = 40

function pairSection(title: string, pairs: Labels): Section[] {
  const all = sortedLabels(pairs)
  if (all.length === 0) return []
  const lines = all
    .slice(0, most)
    .map(([name, value]) => ({ text: `${cleanLine(name, 100)} = ${cleanText(value, 500)}` }))
  const more = all.length > most ? [{ text: `and ${all.length - most} more` }] : []
  return [{ title, lines: [...lines, ...more] }]
}
