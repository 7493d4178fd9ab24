import { RE2JS } from 're2js'
import type { App, AppUpdate } from './app-schema.ts'
import { isPathId } from './path-id.ts'
import { notValid, type Violation } from './refusal.ts'

/** What a normalised app has to keep beyond the types of its fields. @throws Refusal (422) */
export function checkApp(app: App): void {
  const violations = [
    ...checkIds(app),
    ...checkCommand(app),
    ...checkHealthChecks(app),
    ...checkUpgradeStrategy(app),
    ...checkUnreachable(app),
    ...checkPorts(app),
    ...checkConstraints(app),
  ]
  if (violations.length > 0) throw notValid(violations)
}

/** A version in an update is a rollback, and that alone. @throws Refusal (422) */
export function checkVersionAlone(update: AppUpdate): void {
  if (update.version === undefined) return
  const others = Object.keys(update).filter((field) => field !== 'version' && field !== 'id')
  if (others.length === 0) return
  throw notValid([broken('/', "The 'version' field may only be combined with the 'id' field.")])
}

function broken(path: string, error: string): Violation {
  return { path, errors: [error] }
}

const pathIdRule =
  "must fully match regular expression '^(([a-z0-9]|[a-z0-9][a-z0-9\\-]*[a-z0-9])\\.)*([a-z0-9]|[a-z0-9][a-z0-9\\-]*[a-z0-9])|(\\.|\\.\\.)$'"

function checkIds({ id, dependencies = [] }: App): Violation[] {
  const wrong = dependencies.flatMap((dependency, index) =>
    isPathId(dependency) ? [] : [broken(`/dependencies(${index})`, pathIdRule)],
  )
  if (id === '/') wrong.push(broken('/', 'must not be root'))
  if (!isPathId(id)) wrong.push(broken('/id', pathIdRule))
  return wrong
}

function checkCommand({ cmd, args, container }: App): Violation[] {
  const image = container?.docker?.image
  if (cmd !== undefined && args !== undefined) {
    return [
      broken(
        '/',
        "AppDefinition must either contain one of 'cmd' or 'args', and/or a 'container'.",
      ),
    ]
  }
  if (cmd === undefined && args === undefined && image === undefined) {
    return [
      broken(
        '/',
        "AppDefinition must either contain one of 'cmd' or 'args', and/or a 'container'.",
      ),
    ]
  }
  return []
}

function checkHealthChecks(app: App): Violation[] {
  const ports = (app.container?.portMappings ?? app.portDefinitions ?? []).length
  return (app.healthChecks ?? []).flatMap(({ port, portIndex, protocol, command }, index) => {
    const byMarathon = protocol === 'HTTP' || protocol === 'HTTPS' || protocol === 'TCP'
    if (!byMarathon || command !== undefined || port !== undefined) return []
    if ((portIndex ?? 0) < ports) return []
    const rule =
      'Health check port indices must address an element of the ports array or container port mappings.'
    return [broken(`/healthChecks(${index})`, rule)]
  })
}

function checkUpgradeStrategy({ upgradeStrategy, residency }: App): Violation[] {
  const wrong = Object.entries(upgradeStrategy).flatMap(([name, value]) => {
    if (value < 0) return [broken(`/upgradeStrategy/${name}`, 'is less than 0')]
    return value > 1 ? [broken(`/upgradeStrategy/${name}`, 'is greater than 1')] : []
  })
  const over = upgradeStrategy.maximumOverCapacity ?? 0
  if (residency && wrong.length === 0 && over > 0) {
    wrong.push(broken('/upgradeStrategy/maximumOverCapacity', `got ${over}, expected 0.0`))
  }
  return wrong
}

function checkUnreachable({ unreachableStrategy, residency }: App): Violation[] {
  if (unreachableStrategy === 'disabled') return []
  if (residency) return [broken('/', 'unreachableStrategy must be disabled for resident tasks')]
  const { inactiveAfterSeconds = 0, expungeAfterSeconds = 0 } = unreachableStrategy
  if (inactiveAfterSeconds <= expungeAfterSeconds) return []
  const rule = `inactiveAfterSeconds (${inactiveAfterSeconds}) must be less or equal to expungeAfterSeconds, which is ${expungeAfterSeconds}`
  return [broken('/unreachableStrategy/inactiveAfterSeconds', rule)]
}

function checkPorts({ portDefinitions = [], networks, container }: App): Violation[] {
  const host = networks.every(({ mode }) => mode === 'host')
  const fixed = portDefinitions.map(({ port }) => port).filter((port) => port)
  if (new Set(fixed).size < fixed.length) {
    return [broken('/portDefinitions', 'Ports must be unique.')]
  }
  if (host && container?.portMappings?.length) {
    return [broken('/', 'portMappings are not allowed with host-networking')]
  }
  return []
}

const operators = ['UNIQUE', 'CLUSTER', 'GROUP_BY', 'LIKE', 'UNLIKE', 'MAX_PER', 'IS']
const needValue = new Set(['LIKE', 'UNLIKE', 'MAX_PER', 'IS'])

function checkConstraints({ constraints = [] }: App): Violation[] {
  return constraints.flatMap(([, operator = '', value], index) => {
    const path = `/constraints(${index})`
    if (!operators.includes(operator)) {
      return [
        broken(
          path,
          `Operator must be one of the following UNIQUE, CLUSTER, GROUP_BY, LIKE, MAX_PER, UNLIKE or IS`,
        ),
      ]
    }
    if (needValue.has(operator) && value === undefined) {
      return [broken(path, `${operator} was expected to have a value`)]
    }
    if (operator === 'MAX_PER' && !/^\d+$/.test(value ?? '')) {
      return [broken(path, 'MAX_PER was expected to have a number as value')]
    }
    if (operator.endsWith('LIKE') && !isPattern(value ?? '')) {
      return [broken(path, `${value} is not a valid regular expression`)]
    }
    return []
  })
}

function isPattern(value: string): boolean {
  try {
    RE2JS.compile(value)
    return true
  } catch {
    return false
  }
}
