import type { ExecutionContext } from 'ava'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { tempDir } from '../world.ts'

export interface Certificate {
  /** Of the files. */
  keyFile: string
  certFile: string
  /** PEM texts. */
  key: string
  cert: string
}

/** A key and a certificate, signed by itself, for `name`: `IP:127.0.0.1`, `DNS:mail.test`. */
export async function certificateFor(t: ExecutionContext, name: string): Promise<Certificate> {
  const dir = await tempDir(t)
  const [keyFile, certFile] = [join(dir, 'key'), join(dir, 'cert')]
  execFileSync(
    'openssl',
    // prettier-ignore
    ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
      '-subj', '/CN=test', '-addext', `subjectAltName=${name}`, '-keyout', keyFile, '-out', certFile],
    { stdio: 'ignore' },
  )
  const [key, cert] = [readFileSync(keyFile, 'utf8'), readFileSync(certFile, 'utf8')]
  return { keyFile, certFile, key, cert }
}
