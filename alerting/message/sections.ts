import { identityFields } from '../../pipeline/identity.ts'
import { cleanLine, cleanText } from '../clean.ts'
import { timeOf, type Evidence } from '../evidence.ts'
import type { Notification } from '../records.ts'
import { isAboutAbsence, measurement, topicOf } from '../words.ts'
import { utc, type Section } from './content.ts'

type Line = Section['lines'][number]

const shownLines = 10
/** The lines before the end of a task are the best there is to find its cause. */
const shownLastLines = 100
/** All of them together; the oldest are left out. */
const maxLinesLength = 30_000

/** What was found behind an alert that fires; empty ones are left out. */
export function sectionsOf(notification: Notification, evidence: Evidence): Section[] {
  const sections = [
    changeSection(evidence),
    measuredSection(notification, evidence),
    lineSection(notification, evidence),
  ]
  return sections.filter(({ lines }) => lines.length > 0)
}

function changeSection({ changes = [] }: Evidence): Section {
  return {
    title: changes.length > 1 ? 'What happened, the newest first' : 'What happened',
    lines: changes.map((change) => ({
      time: utc(timeOf(change)),
      text: cleanLine(messageIn(change), 500),
    })),
  }
}

function messageIn(doc: Record<string, unknown>): string {
  return typeof doc['message'] === 'string' ? doc['message'] : ''
}

function measuredSection({ facts }: Notification, { measured = [] }: Evidence): Section {
  const unit = facts.signals[0]?.unit
  // What was measured before it was absent says nothing of that.
  const shown = isAboutAbsence(facts) ? [] : measured
  return {
    title: 'Measured, the worst first',
    lines: shown.map(({ task, agent, value }) => {
      const who = [task ?? '', agent === undefined ? '' : `on ${agent}`].join(' ').trim()
      const text = measurement(value, unit)
      return { text: cleanLine(who === '' ? text : `${who}: ${text}`, 500) }
    }),
  }
}

function lineSection(notification: Notification, evidence: Evidence): Section {
  const { lines, lastLines = [] } = evidence
  const topic = topicOf(notification.facts)
  const limit = topic === 'changes' ? shownLastLines : shownLines
  const shown: Line[] = lines.slice(-limit).map((line) => ({
    time: utc(timeOf(line)),
    text: cleanText(line.message, 500),
  }))
  const kept: Line[] = lastLines.map((text) => ({ text: cleanText(text, 500) }))
  return {
    title: linesTitle(notification, evidence, limit),
    lines: newestThatFit(shown.length > 0 ? shown : kept),
  }
}

function linesTitle(
  { facts, alert }: Notification,
  { lines, changes = [] }: Evidence,
  limit: number,
): string {
  const topic = topicOf(facts)
  if (topic === 'changes') {
    const task = changes[0]?.[identityFields.task]
    return `The last lines of ${typeof task === 'string' ? cleanLine(task, 120) : 'it'}`
  }
  if (topic === 'metrics') return 'The last errors of the service'
  if (isAboutAbsence(facts)) return `Last line seen, at ${utc(alert.lastMs)}`
  return lines.length > limit ? `The newest ${limit} of these lines` : 'The lines'
}

function newestThatFit(lines: Line[]): Line[] {
  let length = 0
  const first = lines.findLastIndex(({ text }) => (length += text.length) > maxLinesLength)
  return lines.slice(first + 1)
}
