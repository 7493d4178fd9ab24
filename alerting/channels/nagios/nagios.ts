import type { Clock } from '../../../pipeline/clock.ts'
import { coalesce } from '../../../pipeline/coalesce.ts'
import { explain } from '../../../pipeline/errors.ts'
import type { Channel, Delivery, Message } from '../channel.ts'
import { commandLine, writeCommands } from './command-file.ts'
import { outputLine, outputLines, withoutCommands } from './output.ts'
import type { CheckResult } from './packet.ts'
import { resultsAtOnce, sendResults, type SendOptions } from './send.ts'
import {
  completeSettings,
  type CommandFile,
  type CompleteSettings,
  type NagiosSettings,
  type Nsca,
} from './settings.ts'
import { hostCode, isSame, stateOf, states, worstOf, type StateOf, type Subject } from './state.ts'

export interface NagiosOptions {
  clock: Clock
  /** Longest wait for one connection to a daemon, ms; 15 s unless set. */
  timeoutMs?: number
  /**
   * All alerts that fire now. Several can share a service in Nagios: it shows the worst of them, and is OK when the last
   * is over. Without this the last message decides.
   */
  firing?: () => Iterable<StateOf & { incident: string }>
}

/** A result that waits; what it says is settled when it goes out. */
interface Waiting {
  compose(multiline: boolean): CheckResult
}

/**
 * Alerts as passive check results for Nagios and Icinga 1/2, over NSCA or their command file. Throws Trouble where the
 * settings cannot be used. What a receiver does with a result it does not tell: a host or service that it does not know
 * only shows in its own log.
 */
export function openNagiosChannel(settings: NagiosSettings, options: NagiosOptions): Channel {
  const complete = completeSettings(settings)
  const closing = new AbortController()
  const sending = { timeoutMs: options.timeoutMs ?? 15_000, signal: closing.signal }
  const ways = new Map(
    complete.to.map((target) => [targetName(target), openWay(target, sending, options.clock)]),
  )

  async function tell(target: string, waiting: Waiting): Promise<Delivery> {
    const way = ways.get(target)
    if (!way) return refusal(target, 'it is not among the receivers of the settings')
    try {
      await way(waiting)
      const detail = 'handed in; whether the service is known there it does not say'
      return { target, outcome: 'accepted', detail, answered: true }
    } catch (error) {
      return { target, outcome: 'failed', detail: outputLine(explain(error)), answered: false }
    }
  }

  return {
    name: 'nagios',
    address: [...ways.keys()].join(', '),
    targets: [...ways.keys()],
    async send(message, targets) {
      const subject = complete.naming(message.labels ?? {})
      if (!subject) return targets.map((target) => refusal(target, nameless))
      const compose = (multiline: boolean) =>
        resultOf(message, subject, complete, options, multiline)
      return Promise.all(targets.map((target) => tell(target, { compose })))
    },
    close() {
      closing.abort()
    },
  }
}

type Way = (waiting: Waiting) => Promise<void>

function openWay(target: Nsca | CommandFile, sending: SendOptions, clock: Clock): Way {
  if (target.kind === 'nsca') {
    return coalesce((batch: Waiting[]) => {
      const results = batch.map(({ compose }) => forNsca(compose(target.multiline)))
      return sendResults(target, results, sending)
    }, resultsAtOnce(target))
  }
  return coalesce(([waiting]: Waiting[]) => {
    const lines = waiting ? [commandLine(waiting.compose(true), clock.now())] : []
    return writeCommands(target.path, lines)
  }, 1)
}

function forNsca(result: CheckResult): CheckResult {
  return { ...result, output: withoutCommands(result.output) }
}

function targetName(target: Nsca | CommandFile): string {
  return target.kind === 'nsca' ? `${target.host}:${target.port}` : target.path
}

const nameless = "the alert's labels give no name of a host and service in Nagios"

function refusal(target: string, detail: string): Delivery {
  return { target, outcome: 'refused', detail, answered: true }
}

function resultOf(
  message: Message,
  subject: Subject,
  settings: CompleteSettings,
  { firing }: NagiosOptions,
  multiline: boolean,
): CheckResult {
  const { labels = {}, unknown = false } = message
  const own = message.state === 'resolved' ? 'ok' : stateOf({ labels, unknown }, settings)
  const others = [...othersOf(message, subject, settings, firing?.() ?? [])]
  const state = worstOf([own, ...others.map((other) => stateOf(other, settings))])
  const code = subject.service === undefined ? hostCode(state) : states[state]
  return { ...subject, code, output: outputOf(message, others.length, multiline) }
}

function* othersOf(
  { incident }: Message,
  subject: Subject,
  { naming }: CompleteSettings,
  firing: Iterable<StateOf & { incident: string }>,
) {
  for (const alert of firing) {
    if (alert.incident === incident) continue
    const named = naming(alert.labels)
    if (named && isSame(named, subject)) yield alert
  }
}

function outputOf({ subject, text }: Message, others: number, multiline: boolean): string {
  const more = others === 0 ? '' : ` (and ${others} more ${others === 1 ? 'fires' : 'fire'})`
  const line = outputLine(subject) + more
  return multiline ? `${line}\n${outputLines(text)}` : line
}
