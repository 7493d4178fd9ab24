/** An answer other than 2xx, thrown from wherever the reason is found. Bodies are those of Marathon 1.10. */
export class Refusal extends Error {
  readonly status: number
  readonly body: Record<string, unknown>

  constructor(status: number, body: { message: string } & Record<string, unknown>) {
    super(body.message)
    this.name = 'Refusal'
    this.status = status
    this.body = body
  }
}

export interface Violation {
  /** `/healthChecks(0)/portIndex`; `/` for the whole. */
  path: string
  errors: string[]
}

/** The text is no JSON: `details` is a sentence. */
export function badJson(details: string): Refusal {
  return new Refusal(400, { message: 'Invalid JSON', details })
}

/**
 * Fields of another type. Marathon's documents say 400, its code (MarathonExceptionMapper) and the test of it say 422;
 * this follows the code.
 */
export function badFields(details: Violation[]): Refusal {
  return new Refusal(422, { message: 'Invalid JSON', details })
}

/** Well-formed, and against a rule. */
export function notValid(details: Violation[]): Refusal {
  return new Refusal(422, { message: 'Object is not valid', details })
}

export function badRequest(message: string): Refusal {
  return new Refusal(400, { message })
}

export function notFound(message: string): Refusal {
  return new Refusal(404, { message })
}

export function unknownSpec(kind: 'App' | 'Pod' | 'Group', id: string, version?: string): Refusal {
  const when = version === undefined ? '' : ` in version ${version}`
  return notFound(`${kind} '${id}' does not exist${when}`)
}

/** Without `deployments`: this 409 is not a lock. */
export function alreadyExists(message: string): Refusal {
  return new Refusal(409, { message })
}

export function locked(deployments: readonly string[]): Refusal {
  return new Refusal(409, {
    message:
      "App is locked by one or more deployments. Override with the option '?force=true'. View details at '/v2/deployments/<DEPLOYMENT_ID>'.",
    deployments: deployments.map((id) => ({ id })),
  })
}

/** The missing space is Marathon's. */
export function tooManyDeployments(most: number): Refusal {
  return new Refusal(403, {
    message:
      `Max number (${most}) of running deployments is achieved. Wait for existing deployments to complete or cancel one` +
      'using force=true parameter. You can increase max deployment number by using --max_running_deployments parameter ' +
      'but be advised that this can have negative effects on the performance.',
  })
}
