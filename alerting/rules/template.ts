import { Liquid } from 'liquidjs'
import { explain } from '../../pipeline/errors.ts'
import {
  humanize,
  humanize1024,
  humanizeDuration,
  humanizePercentage,
  humanizeTimestamp,
} from './humanize.ts'

/** A text with `{{placeholders}}`, parsed. Never throws: a failure is told in the text, as Prometheus does. */
export type Template = (scope: object) => string

/** Longer texts are cut: they travel with every state of the alert. */
const maxLength = 4096

/** Templates have no files: `include` and `render` find nothing. The limits hold off endless loops. */
const engine = new Liquid({
  templates: {},
  strictFilters: true,
  ownPropertyOnly: true,
  parseLimit: 100_000,
  renderLimit: 100_000,
  memoryLimit: 1_000_000,
})
engine.registerFilter('humanize', (value: unknown) => humanize(Number(value)))
engine.registerFilter('humanize1024', (value: unknown) => humanize1024(Number(value)))
engine.registerFilter('humanizeTimestamp', (value: unknown) => humanizeTimestamp(Number(value)))
engine.registerFilter('humanizeDuration', (value: unknown) => humanizeDuration(Number(value)))
engine.registerFilter('humanizePercentage', (value: unknown) => humanizePercentage(Number(value)))

/** Parses a Liquid text. Throws where it is not one (an open tag, an unknown filter). */
export function parseTemplate(text: string): Template {
  const parsed = engine.parse(text)
  return (scope) => {
    try {
      return String(engine.renderSync(parsed, scope)).slice(0, maxLength).toWellFormed()
    } catch (error) {
      return `<error expanding template: ${explain(error)}>`
    }
  }
}
