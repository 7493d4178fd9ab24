import { get } from 'node:http'
import { get as getSecure } from 'node:https'
import { connect } from 'node:net'

export interface ProbeRequest {
  protocol: 'HTTP' | 'HTTPS' | 'TCP'
  /** Of HTTP. */
  path: string
  /** On 127.0.0.1, where all of the playground's agents are. */
  port: number
  timeoutMs: number
}

export type ProbeResult = 'healthy' | { cause: string }

/** Never rejects. */
export type Probe = (request: ProbeRequest) => Promise<ProbeResult>

/** Asks a task as Marathon does: any answer from 200 to 399 is well, within the time. */
export const probeTask: Probe = (request) => {
  if (request.port === 0)
    return Promise.resolve({ cause: "unable to get the task's effectivePort" })
  return request.protocol === 'TCP' ? probeTcp(request) : probeHttp(request)
}

function probeHttp({ protocol, path, port, timeoutMs }: ProbeRequest): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const options = { host: '127.0.0.1', port, path, agent: false, rejectUnauthorized: false }
    const request = (protocol === 'HTTPS' ? getSecure : get)(options, (response) => {
      const { statusCode = 0, statusMessage = '' } = response
      response.destroy()
      const well = statusCode >= 200 && statusCode < 400
      resolve(well ? 'healthy' : { cause: `${statusCode} ${statusMessage}` })
    })
    request.on('error', (error) => resolve({ cause: error.message }))
    const late = `no answer within ${timeoutMs} ms`
    const timer = setTimeout(() => request.destroy(new Error(late)), timeoutMs)
    request.on('close', () => clearTimeout(timer))
  })
}

function probeTcp({ port, timeoutMs }: ProbeRequest): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, timeout: timeoutMs })
    const end = (result: ProbeResult) => {
      socket.destroy()
      resolve(result)
    }
    socket.on('connect', () => end('healthy'))
    socket.on('timeout', () => end({ cause: `no connection within ${timeoutMs} ms` }))
    socket.on('error', (error) => end({ cause: error.message }))
  })
}
