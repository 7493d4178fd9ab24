/** What the message of one alert shows that none of our rules has made: what its sender wrote, and nothing else. */
import { cleanLine, cleanText, safeLink } from '../clean.ts'
import { sinceText, utc, type Content, type Row, type Section } from '../message/content.ts'
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
    summary: summaryText(told, said),
    rows: [...factRows(told, nowMs), ...also.rows],
    sections: [
      ...pairSection('Labels', alert.labels),
      ...pairSection('What its sender says besides', othersOf(told)),
      ...also.sections,
    ],
    links: [...(source === undefined ? [] : [{ name: 'Its source', url: source }]), ...also.links],
    notes: [],
  }
}

/** Of what is over it tells of the past. What the title says already is not said again. */
function summaryText({ alert }: ToldAlert, said: string): string | undefined {
  const summary = summaryOf(alert)
  if (summary === undefined || summary === said) return undefined
  return cleanText(alert.status === 'firing' ? summary : `It was: ${summary}`, 1000)
}

function factRows(told: ToldAlert, nowMs: number): Row[] {
  const { alert, service, since } = told
  const lasted = spokenDuration(Math.max(0, alert.endsAt - since))
  const runbook = runbookOf(told, undefined)
  const link = runbook === undefined ? undefined : safeLink(runbook)
  const rows: [name: string, text: string | undefined, link?: string][] = [
    ['Service', service],
    alert.status === 'firing'
      ? ['Since', sinceText(since, nowMs)]
      : ['Lasted', `${lasted}, ${utc(since)} to ${utc(alert.endsAt)}`],
    ['Severity', labelOf(alert.labels, 'severity')],
    ['Owner', ownerOf(told, undefined)],
    ['Runbook', runbook, link],
  ]
  return rows.flatMap(([name, text = '', link]) => {
    const shown = cleanLine(text, 500)
    return shown === '' ? [] : [{ name, text: shown, ...(link === undefined ? {} : { link }) }]
  })
}

/** The annotations that stand nowhere else. */
function othersOf(told: ToldAlert): Labels {
  const shown = new Set([
    summaryOf(told.alert),
    runbookOf(told, undefined),
    ownerOf(told, undefined),
  ])
  return Object.fromEntries(
    Object.entries(told.alert.annotations).filter(([, value]) => !shown.has(value)),
  )
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
