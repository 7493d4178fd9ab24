import type { Command } from 'commander'
import type { SettingsCheck } from '../config/load.ts'
import type { BadRule } from '../config/set-aside.ts'
import type { Settings } from '../config/settings.ts'
import type { Environment } from '../config/tree.ts'
import type { Clock } from '../pipeline/clock.ts'
import type { RuleTest, RuleTestResult } from '../pipeline/rule-test.ts'
import type { Store } from '../pipeline/store/store.ts'

export const roles = ['collector', 'processor', 'alerting', 'autoscaling', 'dashboards'] as const
export type Role = (typeof roles)[number]

/** What the commands need of the rest of the program, handed in by `main.ts`. */
export interface CliParts {
  version: string
  /** Opens everything in order. Throws Trouble, with nothing left open, if it cannot. */
  start(settings: Settings, options: StartOptions): Promise<Running>
  startDemo(options: DemoOptions): Promise<Running>
  /** The playground alone, in this process; absent where the program has none. */
  startPlayground?(options: PlaygroundStart): Promise<RunningPlayground>
  /** The store in a data directory that another process may own. Throws Trouble if there is none. */
  openStoreReadOnly(dir: string): Promise<ReadStore>
  /** Runs tests of the rules of these settings. */
  runRuleTests?(settings: Settings, tests: readonly RuleTest[]): Promise<RuleTestResult[]>
  /** The terminal; that of the process unless set. */
  io?: Io
}

export interface StartOptions {
  roles: readonly Role[]
  /** Empty the data directory first. */
  fresh: boolean
  /** Ends waiting for a bus or store that is away. */
  stopping?: AbortSignal
  /** Rules of the settings that were set aside for their faults. */
  badRules?: readonly BadRule[]
}

export interface DemoOptions {
  data: string
  port: number
  fresh: boolean
  /** Tells the person at the terminal, one line at a time. */
  say(line: string): void
}

export interface PlaygroundStart {
  /** Everything it writes is in here. */
  dir: string
  /** Of its control API; 0 takes a free one. */
  port: number
}

/** Where a playground can be reached. */
export interface PlaygroundView {
  masters: string[]
  agents: AgentView[]
  marathons: string[]
  mailCatcher: { host: string; port: number }
  balancer: string
  control: string
}

/** `dockerRoot` holds the daemon's `containers`; `workDir` is what an agent is started with. */
export interface AgentView {
  hostname: string
  url: string
  dockerRoot: string
  dockerSocket: string
  workDir: string
}

export interface RunningPlayground extends Running {
  view: PlaygroundView
}

export interface Running {
  /** Address of the page; absent without the role `dashboards`. */
  url?: string
  /** Uses the rules of these settings from now on; tells in a sentence what has changed, or why it cannot. */
  reload?(settings: Settings, badRules: readonly BadRule[]): Promise<string>
  /** Tells that the settings were read again and could not be used. */
  refuseReload?(faults: readonly string[]): void
  /** Stops in reverse order, nothing lost. */
  close(): Promise<void>
}

export type ReadStore = Pick<Store, 'services' | 'search' | 'docs' | 'audit' | 'close'>

/** The terminal and the surroundings of a command. */
export interface Io {
  out(text: string): void
  err(text: string): void
  colors: boolean
  /** How many signs fit a line, where it is known. */
  columns?: number
  env: Environment
  clock: Clock
  /** Calls back on each SIGINT and SIGTERM until the returned function is called. */
  onStop(listener: (signal: string) => void): () => void
  /** Calls back on each SIGHUP until the returned function is called. */
  onReload?(listener: () => void): () => void
  /** The exit code of the process once nothing is left to do. */
  exitWith(code: number): void
  /** Ends the process at once. */
  leave(code: number): void
}

/** What every command is given. */
export interface CommandContext extends CliParts {
  io: Io
  /** Checks by other rooms, for settings that have no other fault. */
  checks: readonly SettingsCheck[]
}

/** Declares one command. */
export type AddCommand = (program: Command, context: CommandContext) => void
