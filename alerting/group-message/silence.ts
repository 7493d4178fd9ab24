/** How a group is silenced: a command for those who sit at a shell, a link for the others. */
import type { Content, Link, Section } from '../message/content.ts'
import { pageLink } from '../message/links.ts'
import { goQuoted, sortedLabels, type Labels } from '../stages/labels.ts'
import { parseMatchers } from '../stages/matchers.ts'

const maxCommand = 1000

/**
 * Of the first of `candidates` that can be written as a command: empty where none can. A label comes from whoever posts
 * alerts, and people paste what stands in a mail: nothing in it may mean something to a shell, or be cut.
 */
export function silenceHelp(
  candidates: readonly Labels[],
  publicUrl: string | undefined,
): Pick<Content, 'sections' | 'links'> {
  for (const labels of candidates) {
    // Somebody can post a megabyte: what is too long anyway is not read.
    if (lengthOf(labels) > maxCommand) continue
    const matchers = sortedLabels(labels).map(([name, value]) => matcherText(name, value))
    const known = matchers.filter((matcher) => matcher !== undefined)
    const isWhole = known.length > 0 && known.length === matchers.length
    if (isWhole && known.join().length <= maxCommand) return helpOf(known, publicUrl)
  }
  return { sections: [], links: [] }
}

function lengthOf(labels: Labels): number {
  return Object.entries(labels).reduce((sum, pair) => sum + pair.join().length, 0)
}

function helpOf(matchers: readonly string[], publicUrl: string | undefined) {
  const lines = [{ text: command('mesoscope silence add --for=2h', matchers) }]
  if (publicUrl !== undefined) {
    const at = shellQuoted(`--alertmanager.url=${publicUrl}`)
    lines.push({ text: command(`amtool silence add ${at} --duration=2h`, matchers) })
  }
  const section: Section = { title: 'To silence it for two hours', lines }
  return {
    sections: [section],
    links: publicUrl === undefined ? [] : [formLink(publicUrl, matchers)],
  }
}

function command(begin: string, matchers: readonly string[]): string {
  return `${begin} --comment='say why' ${matchers.map(shellQuoted).join(' ')}`
}

function formLink(publicUrl: string, matchers: readonly string[]): Link {
  const silence = `{${matchers.join(',')}}`
  return { name: 'The form to silence it', url: pageLink(publicUrl, 'alerts', { silence }) }
}

/** `service="/shop/web"`; undefined where it holds what cannot be typed, or would be read otherwise than it is meant. */
function matcherText(name: string, value: string): string | undefined {
  if (!isPrintable(name) || !isPrintable(value)) return undefined
  const called = /^[a-zA-Z_:][\w:]*$/.test(name) ? name : goQuoted(name)
  const text = `${called}=${goQuoted(value)}`
  try {
    const read = parseMatchers(`{${text}}`)
    const [only] = read
    const isSame = read.length === 1 && only?.name === name && only.value === value
    return isSame ? text : undefined
  } catch {
    return undefined
  }
}

/** Without control characters, and without those that turn, join or hide others. */
function isPrintable(text: string): boolean {
  return /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]*$/u.test(text)
}

/** In single quotes nothing means anything to a shell but the single quote. */
function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`
}
