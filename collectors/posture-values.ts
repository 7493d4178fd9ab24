import type { Verdict } from '../pipeline/posture.ts'
import { clean } from './docker-identity.ts'

/*
 * What Docker's descriptions and Marathon's apps have in common: how an image, a user, a folder, a capability is judged.
 */

export const found = (detail: string): Verdict => ({ found: true, detail: brief(detail) })
export const fine = (detail: string): Verdict => ({ found: false, detail: brief(detail) })

/** Names and paths are somebody else's text. */
function brief(text: string): string {
  return clean(text.slice(0, 300)) ?? ''
}

/** By the reference of an image: `registry:5000/shop/web:1.2`, `web@sha256:…`, or an id. */
export function imageVerdict(reference: string): Verdict {
  if (/@sha\d+:[0-9a-f]{32,}$/i.test(reference)) return fine(`${reference} has a digest`)
  if (/^(sha256:)?[0-9a-f]{64}$/i.test(reference)) return fine(`${reference} is an image id`)
  const name = reference.slice(reference.lastIndexOf('/') + 1)
  const at = name.indexOf(':')
  const tag = at < 0 ? '' : name.slice(at + 1)
  if (tag === '') return found(`${reference} has no tag`)
  if (isVersion(tag)) return fine(`${reference} names a version`)
  return found(`the tag ${tag} of ${reference} is no version`)
}

/** `1.2.3`, `v7`, `release-2026-11`, a commit; not `latest`, `stable`, `latest-2`. */
function isVersion(tag: string): boolean {
  if (/^latest\b/i.test(tag)) return false
  return /(?:^|[-_.])v?\d/i.test(tag) || /^(?=.*\d)[0-9a-f]{7,40}$/i.test(tag)
}

/** As `USER` and `--user` have it; an empty one is root. */
export function userVerdict(user: string): Verdict {
  if (user.trim() === '') return found('no user is named, which means root')
  const isRoot = /^(root|\+?0+)(:|$)/i.test(user.trim())
  return isRoot ? found(`the user is ${user}`) : fine(`the user is ${user}`)
}

const sockets = /(^|[\\/])(docker|containerd|podman|crio)\.sock$|[\\/]pipe[\\/]docker_engine$/i
/** Folders of the machine in which the socket lies. */
const folders = new Set(['/', '/run', '/var', '/var/run', '/run/containerd', '/run/podman'])

/** The first of the mounted places (of the machine, or in the container) by which a daemon's socket is reached. */
export function socketAmong(places: readonly string[]): string | undefined {
  return places.find((place) => {
    const path = place === '/' ? place : place.replace(/\/+$/, '')
    return sockets.test(path) || folders.has(path)
  })
}

/** What Docker gives every container. */
const usual = new Set([
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'MKNOD',
  'NET_BIND_SERVICE',
  'NET_RAW',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
])

export function capabilityVerdict(added: readonly string[]): Verdict {
  const names = added.map((name) => name.toUpperCase().replace(/^CAP_/, ''))
  const more = [...new Set(names)].filter((name) => !usual.has(name))
  return more.length > 0 ? found(more.toSorted().join(', ')) : fine('none is added')
}
