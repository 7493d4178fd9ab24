/** What an attachment shows below its text: the fields and buttons of the settings, and what Mesoscope knows. */
import type { Extra } from './group.ts'
import { harmless, linkTo, shortened } from './texts.ts'

export type SlackField = {
  title: string
  value: string
  /** Beside another one. */
  short: boolean
}

/** A button: it leads to `url`, or tells the app of the hook its `name` and `value`. */
export interface SlackAction {
  type: string
  text: string
  url?: string
  style?: string
  name?: string
  value?: string
  confirm?: { text: string; title?: string; ok_text?: string; dismiss_text?: string }
}

/** Beyond so many characters an attachment is cut by Slack; a title as Alertmanager cuts it. */
export const [maxField, maxTitle] = [8000, 1024]
const maxLinks = 20

/** Those of the settings, then evidence and links; undefined where there are none. */
export function fieldsOf(own: readonly SlackField[], extra: Extra | undefined) {
  const fields = [
    ...own.map(({ title, value, short }) => ({ title, value, short })),
    ...(extra ? extraFields(extra) : []),
  ]
  return fields.length > 0 ? fields : undefined
}

function extraFields(extra: Extra): SlackField[] {
  const evidence = escaped(harmless(extra.text.slice(0, 2 * maxField)))
  const links = extra.links.slice(0, maxLinks).flatMap(linkOf).join('\n')
  const fields = [
    { title: 'Evidence', value: whole(shortened(evidence, maxField)), short: false },
    { title: 'Links', value: links, short: false },
  ]
  return fields.filter(({ value }) => value !== '')
}

/** `<url|name>`; without one that leads to a page nothing. */
function linkOf({ name, url }: Extra['links'][number]): string[] {
  const href = linkTo(url)
  if (href === undefined) return []
  const named = escaped(harmless(name.slice(0, maxTitle)).replace(/[|\n]+/g, ' '))
  return [`<${escaped(href).replaceAll('|', '%7C')}|${named}>`]
}

/** A link has no other fields, in Alertmanager neither. */
export function actionsOf(actions: readonly SlackAction[]) {
  if (actions.length === 0) return undefined
  return actions.map(({ type, text, url, style, name, value, confirm }) => {
    const common = { type, text, url: url || undefined, style: style || undefined }
    return url ? common : { ...common, name, value: value || undefined, confirm: asked(confirm) }
  })
}

function asked(confirm: SlackAction['confirm']) {
  if (!confirm) return undefined
  const { text, title, ok_text, dismiss_text } = confirm
  const fields = { text, title, ok_text, dismiss_text }
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value)) as typeof fields
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' }

/** Slack has three characters that mean something else, whatever follows. */
export function escaped(text: string): string {
  return text.replace(/[&<>]/g, (sign) => entities[sign] ?? '')
}

/** Without the beginning of an entity where a text was cut in it. */
export function whole(text: string): string {
  return text.replace(/&[a-z]{0,3}…$/, '…')
}
