/** A silence as it is posted, read without trust. */
import { RE2JS } from 're2js'
import { explain } from '../../pipeline/errors.ts'
import { operatorOf } from '../../pipeline/matcher-operator.ts'
import type {
  DeskMatcher,
  ParseMatcher,
  ReadMatcher,
  SilenceRequest,
} from '../../pipeline/notification-desk.ts'
import { isObject, readJson, readTime } from './bodies.ts'
import { missing, unreadable, wireRefusal } from './refusal.ts'

const maxMatchers = 100

/** A silence that is asked for at `now`, ms. Throws a refusal. */
export function readSilence(text: unknown, parse: ParseMatcher, now: number): SilenceRequest {
  const body = readJson(text, 'silence') ?? {}
  if (!isObject(body)) throw unreadable('silence', 'it is no object')
  // In Alertmanager's order: of several faults it tells the first.
  const comment = requiredText(body, 'comment')
  const createdBy = requiredText(body, 'createdBy')
  const endsAt = requiredTime(body, 'endsAt')
  const matchers = readMatchers(body['matchers'])
  const startsAt = requiredTime(body, 'startsAt')
  const id = readText(body['id'] ?? '', 'id')
  const failed = (why: string) => wireRefusal(400, `Failed to create silence: ${why}`)
  if (createdBy.trim() === '') throw failed('createdBy must not be empty: who silences?')
  if (comment.trim() === '') throw failed('comment must not be empty: why is it silenced?')
  if (startsAt >= endsAt) throw failed('start time must be before end time')
  if (endsAt < now) throw failed("end time can't be in the past")
  checkedMatchers(matchers, parse)
  return { ...(id === '' ? {} : { id }), matchers, startsAt, endsAt, createdBy, comment }
}

function requiredText(body: Readonly<Record<string, unknown>>, name: string): string {
  const value = body[name]
  if (value === undefined || value === null) throw missing(name)
  return readText(value, name)
}

function readText(value: unknown, path: string): string {
  if (typeof value !== 'string') throw unreadable('silence', `${path} is no text`)
  if (!value.isWellFormed()) throw unreadable('silence', `${path} holds half a character`)
  return value
}

function requiredTime(body: Readonly<Record<string, unknown>>, name: string): number {
  const time = readTime(body[name], 'silence', name)
  if (time === undefined) throw missing(name)
  return time
}

/** Their form alone. Throws a refusal. */
export function readMatchers(value: unknown): DeskMatcher[] {
  if (value === undefined || value === null) throw missing('matchers')
  if (!Array.isArray(value)) throw unreadable('silence', 'matchers is no list')
  if (value.length === 0) {
    throw wireRefusal(422, 'matchers in body should have at least 1 items', 612)
  }
  if (value.length > maxMatchers) {
    throw wireRefusal(422, `matchers in body should have at most ${maxMatchers} items`, 611)
  }
  return value.map((one: unknown, i) => readMatcher(one, `matchers.${i}`))
}

function readMatcher(value: unknown, path: string): DeskMatcher {
  if (!isObject(value)) throw unreadable('silence', `${path} is no object`)
  for (const name of ['isRegex', 'name', 'value']) {
    if (value[name] === undefined || value[name] === null) throw missing(`${path}.${name}`)
  }
  const flag = (name: string) => {
    const given = value[name] ?? true
    if (typeof given !== 'boolean') throw unreadable('silence', `${path}.${name} is no boolean`)
    return given
  }
  return {
    name: readText(value['name'], `${path}.name`),
    value: readText(value['value'], `${path}.value`),
    isRegex: flag('isRegex'),
    isEqual: flag('isEqual'),
  }
}

/** As a silence may have them, ready to be asked. Throws a refusal. */
export function checkedMatchers(
  matchers: readonly DeskMatcher[],
  parse: ParseMatcher,
): ReadMatcher[] {
  const read = matchers.map((one, i) => checkedMatcher(one, i, parse))
  // A negated one counts as one that demands something, though it takes a missing label too: so it is in the original.
  if (read.every((one) => one.isEqual && one.test(''))) {
    const why = 'at least one matcher must not match the empty string'
    throw wireRefusal(400, `invalid silence: matcher set 0: ${why}`)
  }
  return read
}

function checkedMatcher(one: DeskMatcher, place: number, parse: ParseMatcher): ReadMatcher {
  const invalid = (why: string) =>
    wireRefusal(400, `invalid silence: invalid label matcher ${place} in set 0: ${why}`)
  if (one.name === '') throw invalid('invalid label name ""')
  try {
    // By itself first: what closes a bracket too many would be whole again between the anchors.
    if (one.isRegex) RE2JS.compile(one.value)
    return parse(matcherText(one))
  } catch (error) {
    const value = JSON.stringify(one.value)
    throw invalid(`invalid regular expression ${value}: ${explain(error)}`)
  }
}

/** The text that means exactly this. A name that is no plain word stands in quotes: then both have Go's escapes, which are JSON's. */
function matcherText({ name, value, ...flags }: DeskMatcher): string {
  const op = operatorOf(flags)
  if (!/^[a-zA-Z_:][\w:]*$/.test(name))
    return `${JSON.stringify(name)}${op}${JSON.stringify(value)}`
  return `${name}${op}"${value.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n')}"`
}
