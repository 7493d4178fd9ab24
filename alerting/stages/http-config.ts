/** `http_config` and `tls_config` of Alertmanager's configuration: how a receiver's server is spoken to. */
import { z } from 'zod'
import {
  eitherSecret,
  file,
  neededText,
  notBoth,
  only,
  secret,
  text,
  unsupported,
} from './option-kinds.ts'
import type { Secret } from '../../pipeline/secret.ts'
import { withoutUndefined } from '../../pipeline/without-undefined.ts'

export interface TlsOptions {
  /** PEM texts. */
  ca?: Secret
  cert?: Secret
  key?: Secret
  /** Whose certificate the server must have, where not that of its address. */
  serverName?: string
}

export interface HttpClientOptions {
  basic?: { username: string; password: Secret | undefined }
  /** The header `Authorization: <type> <credentials>`. */
  authorization?: { type: string; credentials: Secret }
  tls: TlsOptions
}

export const tlsConfig = z
  .strictObject({
    ca: secret,
    ca_file: file,
    cert: secret,
    cert_file: file,
    key: secret,
    key_file: file,
    insecure_skip_verify: only(false, 'certificates are always verified here; name a ca_file'),
    server_name: text(),
    min_version: unsupported(),
    max_version: unsupported(),
  })
  .superRefine(notBoth('ca', 'cert', 'key'))
  .refine(({ server_name = 'x' }) => /^[A-Za-z0-9.:-]+$/.test(server_name), {
    path: ['server_name'],
    message: 'no name of a server',
  })
  .transform(({ ca, ca_file, cert, cert_file, key, key_file, server_name }): TlsOptions => {
    const pem = { ca: eitherSecret(ca, ca_file), cert: eitherSecret(cert, cert_file) }
    return withoutUndefined({ ...pem, key: eitherSecret(key, key_file), serverName: server_name })
  })

const basicAuth = z
  .strictObject({
    username: neededText,
    password: secret,
    password_file: file,
    username_file: unsupported(),
  })
  .superRefine(notBoth('password'))
  .transform(({ username, password, password_file }) => ({
    username,
    password: eitherSecret(password, password_file),
  }))

const authorization = z
  .strictObject({ type: z.string().default('Bearer'), credentials: secret, credentials_file: file })
  .superRefine(notBoth('credentials'))
  .transform(({ type, credentials, credentials_file }, context) => {
    const found = eitherSecret(credentials, credentials_file)
    if (found) return { type, credentials: found }
    context.addIssue({ code: 'custom', message: 'credentials or credentials_file must be given' })
    return z.NEVER
  })

/** HTTP/2 is never spoken here: `enable_http2` only allows it. */
export const httpConfig = z
  .strictObject({
    basic_auth: basicAuth.optional(),
    authorization: authorization.optional(),
    bearer_token: secret,
    bearer_token_file: file,
    tls_config: tlsConfig.optional(),
    follow_redirects: only(true),
    enable_http2: z.boolean().optional(),
    oauth2: unsupported(),
    proxy_url: unsupported(),
    no_proxy: unsupported(),
    proxy_from_environment: only(false),
    proxy_connect_header: unsupported(),
    http_headers: unsupported(),
  })
  .superRefine(notBoth('bearer_token'))
  .transform(({ basic_auth, bearer_token, bearer_token_file, tls_config, ...rest }, context) => {
    const token = eitherSecret(bearer_token, bearer_token_file)
    const bearer = token && { type: 'Bearer', credentials: token }
    const logins = [basic_auth, rest.authorization, bearer].filter(Boolean)
    if (logins.length > 1) {
      const message = 'basic_auth, authorization and bearer_token exclude each other'
      context.addIssue({ code: 'custom', message })
    }
    return httpClientOptions(basic_auth, rest.authorization ?? bearer, tls_config ?? {})
  })

function httpClientOptions(
  basic: HttpClientOptions['basic'] | undefined,
  authorization: HttpClientOptions['authorization'] | undefined,
  tls: TlsOptions,
): HttpClientOptions {
  return { ...withoutUndefined({ basic, authorization }), tls }
}
