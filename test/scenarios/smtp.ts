import { createServer, type Socket } from 'node:net'
import type { AddressInfo } from 'node:net'

/**
 * What a mail server does with one connection: takes the mail, refuses the receiver for good or for now, breaks off
 * in the middle of the mail, or says nothing at all.
 */
export type Mood = 'accept' | 'refuse' | 'later' | 'break' | 'hang'

export interface MoodyServer {
  port: number
  /** One for each mail that was accepted, headers and all. */
  mails: string[]
  /** The moods of the connections so far. */
  met: Mood[]
  close(): Promise<void>
}

/** A mail server that is spoken to byte by byte, for what no real one does on demand. */
export async function openMoodyServer(
  moodOf: (connection: number) => Mood,
  port = 0,
): Promise<MoodyServer> {
  const mails: string[] = []
  const met: Mood[] = []
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    const mood = moodOf(met.length)
    met.push(mood)
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => {})
    if (mood !== 'hang') converse(socket, mood, mails)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    mails,
    met,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}

const answers: Record<string, string> = {
  MAIL: '250 ok',
  RCPT: '250 ok',
  DATA: '354 go on',
  QUIT: '221 bye',
}
const refusals: { [Of in Mood]?: string } = {
  refuse: '550 5.1.1 no such user here',
  later: '451 4.7.1 greylisted, try again later',
}

function converse(socket: Socket, mood: Mood, mails: string[]): void {
  let mail: string | undefined
  let rest = ''
  const say = (text: string) => void socket.write(`${text}\r\n`)
  say('220 moody')
  socket.setEncoding('utf8').on('data', (text: string) => {
    if (mail !== undefined && mood === 'break') return void socket.destroy()
    const lines = (rest + text).split('\r\n')
    rest = lines.pop() as string
    for (const line of lines) {
      if (mail === undefined) {
        const command = line.slice(0, 4).toUpperCase()
        const refusal = command === 'RCPT' ? refusals[mood] : undefined
        say(refusal ?? answers[command] ?? '250 moody')
        if (command === 'DATA') mail = ''
      } else if (line === '.') {
        mails.push(mail)
        mail = undefined
        say('250 ok')
      } else mail += `${line}\n`
    }
  })
}
