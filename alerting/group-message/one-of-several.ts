/** One alert among several, in a few lines. */
import { readEnd, type EndFacts } from '../../pipeline/post-mortem/facts.ts'
import { exitWords } from '../../pipeline/post-mortem/words.ts'
import { cleanLine, safeLink } from '../clean.ts'
import type { Evidence } from '../evidence.ts'
import { sinceText, utc, type Section } from '../message/content.ts'
import { linksOf } from '../message/links.ts'
import { deploymentOf, standing, versionsOf } from '../message/rows.ts'
import {
  calledOf,
  labelsLine,
  ownerOf,
  runbookOf,
  saidOf,
  sourceLink,
  type ToldAlert,
} from './told.ts'
import { topicOf } from '../words.ts'

/** What is the same for all: it stands above. */
export interface Shared {
  /** Names of labels. */
  common: ReadonlySet<string>
  severity: string | undefined
  owner: string | undefined
  runbook: string | undefined
  evidenceOf: (told: ToldAlert) => Evidence | undefined
  publicUrl: string | undefined
  nowMs: number
}

type Line = Section['lines'][number]

/** Of one that fires, with its number. */
export function alertSection(told: ToldAlert, number: number, shared: Shared): Section {
  const { alert } = told
  const evidence = shared.evidenceOf(told)
  const texts = [
    saidOf(told),
    `Since ${sinceText(told.since, shared.nowMs)}`,
    labelsLine(alert.labels, shared.common, 300),
    ...(evidence ? evidenceLines(evidence) : []),
    shared.owner === undefined ? named('Owner', ownerOf(told, evidence)) : '',
  ]
  return {
    title: `${number}. ${calledOf(told)}`,
    lines: [
      ...texts.filter((text) => text !== '').map((text): Line => ({ text })),
      ...linkLines(told, evidence, shared),
      ...(shared.runbook === undefined ? runbookLines(runbookOf(told, evidence)) : []),
    ],
  }
}

function evidenceLines(evidence: Evidence): string[] {
  const [newest] = evidence.changes ?? []
  const end = newest && readEnd(newest)
  return [
    named('Exit code', end && endText(end)),
    named('Marathon', standing(evidence.service)),
    named('Version', versionsOf(evidence)),
    named('Last deployment', deploymentOf(evidence)),
  ]
}

function endText(end: EndFacts): string {
  return [exitWords(end), end.outOfMemory ? 'out of memory' : undefined]
    .filter((part) => part !== undefined)
    .join(', ')
}

function named(name: string, text: string | undefined): string {
  return text === undefined || text === '' ? '' : cleanLine(`${name}: ${text}`, 300)
}

/** The best place for one of our own, of a death why it was; the sender's for one from outside. */
function linkLines(told: ToldAlert, evidence: Evidence | undefined, { publicUrl }: Shared): Line[] {
  if (told.known) {
    if (publicUrl === undefined) return []
    const links = linksOf(publicUrl, told.known, evidence)
    const shown = topicOf(told.known.facts) === 'changes' ? links.slice(0, 2) : links.slice(0, 1)
    return shown.map(({ name, url }) => ({ text: name, link: url }))
  }
  const link = sourceLink(told)
  return link === undefined ? [] : [{ text: 'Its source', link }]
}

function runbookLines(runbook: string | undefined): Line[] {
  if (runbook === undefined) return []
  const link = safeLink(runbook)
  return [link === undefined ? { text: named('Runbook', runbook) } : { text: 'Runbook', link }]
}

/** Those that are over, a line each; empty where none is. */
export function resolvedSection(resolved: readonly ToldAlert[], { common }: Shared): Section[] {
  if (resolved.length === 0) return []
  const lines = resolved.map((told): Line => {
    const labels = labelsLine(told.alert.labels, common, 200)
    const who = labels === '' ? calledOf(told) : `${calledOf(told)} (${labels})`
    return { time: utc(told.alert.endsAt), text: cleanLine(`${who}: ${saidOf(told)}`, 500) }
  })
  return [{ title: 'Resolved', lines }]
}
