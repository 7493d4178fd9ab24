import http from 'node:http'

export interface Measured {
  perSecond: number
  /** Of this process. */
  cpuSecondsPerMillion: number
}

/** How fast `count` things are done, and what it costs. */
export async function measure(count: number, work: () => Promise<void>): Promise<Measured> {
  const cpu = process.cpuUsage()
  const begun = performance.now()
  await work()
  const seconds = (performance.now() - begun) / 1000
  const { user, system } = process.cpuUsage(cpu)
  return {
    perSecond: Math.round(count / seconds),
    cpuSecondsPerMillion: Number(((user + system) / count).toFixed(2)),
  }
}

/** Of measurements of the same size. */
export function together(all: readonly Measured[]): Measured {
  const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length
  return {
    perSecond: Math.round(1 / mean(all.map(({ perSecond }) => 1 / perSecond))),
    cpuSecondsPerMillion: Number(mean(all.map((one) => one.cpuSecondsPerMillion)).toFixed(2)),
  }
}

export const show = ({ perSecond, cpuSecondsPerMillion }: Measured) =>
  `${perSecond} lines/s, ${cpuSecondsPerMillion} CPU-s of ours a million`

/** A bare HTTP client with two connections. */
export function openPoster(server: string) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 2 })

  function post(path: string, body: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      const headers = { 'content-type': 'application/x-ndjson', 'content-length': body.length }
      const request = http.request(`${server}${path}`, { method: 'POST', agent, headers })
      request.on('error', reject)
      request.on('response', (response) => {
        let start = ''
        response.on('data', (chunk: Buffer) => {
          if (start.length < 200) start += chunk.toString('latin1')
        })
        response.on('end', () => {
          if (response.statusCode === 200 && start.includes('"errors":false')) resolve()
          else reject(new Error(start.slice(0, 300)))
        })
      })
      request.end(body)
    })
  }

  return {
    post,
    /** Bulk bodies, two in flight. */
    async postAll(path: string, bodies: readonly Buffer[]): Promise<void> {
      let next = 0
      const lane = async () => {
        for (let body = bodies[next++]; body; body = bodies[next++]) await post(path, body)
      }
      await Promise.all([lane(), lane()])
    },
    close: () => agent.destroy(),
  }
}
