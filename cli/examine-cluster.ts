import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import type { Settings } from '../config/settings.ts'
import { Trouble } from '../pipeline/errors.ts'
import { readConnection, type ConnectionSettings } from '../pipeline/http-connection.ts'
import { openHttp, type HttpClient } from '../pipeline/http.ts'
import { found, type Finding } from './examine.ts'

const answerMs = 5000

/** Each Mesos and Marathon that is named answers, takes the login, and shows something; each work_dir can be read. */
export function checkCluster(collectors: Settings['collectors']): Promise<Finding>[] {
  return [
    ...collectors.mesos_master.map(({ urls, ...connection }) => checkMaster(urls, connection)),
    ...collectors.mesos_agent.map(({ url, ...connection }) => checkAgent(url, connection)),
    ...collectors.marathon.map(({ urls, ...connection }) => checkMarathon(urls, connection)),
    ...collectors.mesos_sandbox.map(({ work_dir: dir }) => checkSandboxes(dir)),
  ]
}

/** Mesos has renamed its endpoints over the years. */
const agentLists = ['/slaves', '/master/slaves', '/master/slaves.json']

function checkMaster(urls: string[], connection: ConnectionSettings): Promise<Finding> {
  return asked('the Mesos master', urls, connection, async (client) => {
    const { path, origin } = await firstThere(client, agentLists)
    const { slaves } = ((await client.json(path)) ?? {}) as { slaves?: unknown }
    const count = Array.isArray(slaves) ? slaves.length : 0
    if (count > 0) return `${origin} leads ${counted(count, 'agent')}`
    throw new Trouble(`${origin} shows no agent`, {
      remedy: 'if there are some, give this user the right to view agents, frameworks and tasks',
    })
  })
}

/** The first of the paths that is there, else the last; and who answered, after redirects to the leader. */
async function firstThere(client: HttpClient, [path = '/', ...others]: readonly string[]) {
  const { status, url } = await client.request(path)
  if (status === 404 && others.length > 0) return firstThere(client, others)
  return { path, origin: new URL(url).origin }
}

function checkAgent(url: string, connection: ConnectionSettings): Promise<Finding> {
  return asked('the Mesos agent', [url], connection, async (client) => {
    await client.json('/containers')
    return `${url} answers`
  })
}

function checkMarathon(urls: string[], connection: ConnectionSettings): Promise<Finding> {
  return asked('Marathon', urls, connection, async (client) => {
    const answer = await client.json('/v2/apps')
    const { apps } = (answer ?? {}) as { apps?: unknown }
    if (!Array.isArray(apps))
      throw new Trouble(`${client.current()} answers without a list of apps`)
    return `${client.current()} shows ${counted(apps.length, 'app')}`
  })
}

const counted = (count: number, noun: string) => `${count} ${noun}${count === 1 ? '' : 's'}`

function asked(
  name: string,
  urls: string[],
  connection: ConnectionSettings,
  look: (client: HttpClient) => Promise<string>,
): Promise<Finding> {
  const remedy = 'check the address and the login, and that it runs'
  return found(name.replace('the ', ''), remedy, async () => {
    const options = { urls, ...readConnection(connection), name, timeoutMs: answerMs }
    const client = openHttp(options)
    try {
      return await look(client)
    } finally {
      client.close()
    }
  })
}

function checkSandboxes(dir: string): Promise<Finding> {
  const remedy =
    "name the agent's --work_dir (it holds `slaves`), and run Mesoscope as a user who may read it"
  return found('sandboxes', remedy, async () => {
    const slaves = join(dir, 'slaves')
    await access(slaves, constants.R_OK | constants.X_OK)
    return `${slaves} can be read`
  })
}
