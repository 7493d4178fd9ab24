import type { Content, Section } from './content.ts'

export function asText(content: Content): string {
  const parts = [
    `${content.firing ? 'FIRING' : 'RESOLVED'} ${content.title}`,
    content.summary,
    rowsText(content),
    // Before the lines, of which there may be a hundred.
    content.links.map(({ name, url }) => `${name}: ${url}`).join('\n'),
    ...content.sections.map(sectionText),
    ...content.notes,
  ]
  return `${joined(parts)}\n`
}

/** What stands below the title and beside the links, for those who have places of their own for these. */
export function bodyText(content: Content): string {
  const { summary, sections, notes } = content
  return joined([summary, rowsText(content), ...sections.map(sectionText), ...notes])
}

function joined(parts: readonly (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined && part !== '').join('\n\n')
}

function rowsText({ rows }: Content): string {
  const width = Math.max(...rows.map(({ name }) => name.length)) + 2
  return rows.map(({ name, text }) => `${`${name}:`.padEnd(width)}${text}`).join('\n')
}

function sectionText({ title, lines }: Section): string {
  const shown = lines.map(({ time, text, link }) => {
    if (link !== undefined) return `  ${text === link ? '' : `${text}: `}${link}`
    const indented = text.replaceAll('\n', '\n    ')
    return time === undefined ? `  ${indented}` : `  ${time}  ${indented}`
  })
  return [`${title}:`, ...shown].join('\n')
}
