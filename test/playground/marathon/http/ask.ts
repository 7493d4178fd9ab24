import type { ServedScene } from '../scene.ts'

export interface Answered {
  status: number
  headers: Headers
  body: any
}

/** `PATCH /v2/apps`, of the first instance; a text is sent as it is. */
export async function ask(
  scene: ServedScene,
  call: string,
  body?: unknown,
  headers = {},
): Promise<Answered> {
  const [method = '', path = ''] = call.split(' ')
  const response = await fetch(`${scene.urls[0]}${path}`, {
    method,
    headers: { 'content-type': 'application/json', accept: 'application/json', ...headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await response.text()
  const json = response.headers.get('content-type')?.startsWith('application/json')
  return {
    status: response.status,
    headers: response.headers,
    body: json ? JSON.parse(text) : text,
  }
}

/** Until no deployment is under way. */
export async function settled(scene: ServedScene): Promise<void> {
  await scene.until('no deployment', () => scene.core.state.deployments.size === 0)
}
