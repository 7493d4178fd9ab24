import type { AcrossFault, Readable } from './across.ts'
import type { Path } from './faults.ts'

/** Logins and certificates of Kafka and Elasticsearch are whole. */
export function serverLogins({
  kafka,
  elasticsearch,
}: Pick<Readable, 'kafka' | 'elasticsearch'>): AcrossFault[] {
  const faults: AcrossFault[] = []
  const fault = (path: Path, sentence: string) => void faults.push({ path, sentence })
  if (kafka) {
    const at = (part: string) => ['bus', 'kafka', part]
    if ((kafka.user === undefined) !== (kafka.password === undefined)) {
      const isUser = kafka.user !== undefined
      fault(at(isUser ? 'user' : 'password'), `needs ${isUser ? 'password' : 'user'} beside it`)
    }
    if (kafka.user !== undefined && !kafka.sasl) fault(at('user'), 'needs sasl: how to log in')
    if (kafka.sasl && kafka.user === undefined) fault(at('sasl'), 'needs user and password')
    if ((kafka.cert === undefined) !== (kafka.key === undefined)) {
      const isCert = kafka.cert !== undefined
      fault(at(isCert ? 'cert' : 'key'), `needs ${isCert ? 'key' : 'cert'} beside it`)
    }
    const pem = (['ca', 'cert'] as const).find((part) => kafka[part] !== undefined)
    if (pem && !kafka.tls) fault(at(pem), 'is used with tls: true')
  }
  if (elasticsearch) {
    const at = (part: string) => ['store', 'elasticsearch', part]
    const { user, password, api_key: apiKey } = elasticsearch
    if ((user === undefined) !== (password === undefined)) {
      const isUser = user !== undefined
      fault(at(isUser ? 'user' : 'password'), `needs ${isUser ? 'password' : 'user'} beside it`)
    }
    if (apiKey && user !== undefined) fault(at('api_key'), 'cannot stand beside user')
  }
  return faults
}
