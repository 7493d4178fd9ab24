import { isAbsolute, join, normalize, relative } from 'node:path'
import type { Identity } from '../pipeline/identity.ts'
import { ownLabel } from '../pipeline/own-label.ts'
import { asObject } from './docker-identity.ts'
import type { Wanted } from './file-set.ts'

/** A container's label names so many files at most. */
const mostFiles = 16

/** Files in a container that its label `mesoscope.files` names, as far as they lie in something mounted from the host. */
export interface MountedFiles {
  wanted: Wanted[]
  /** Why others are not read. */
  faults: string[]
}

/** A mount, as both config.v2.json and inspect tell it. */
interface Mount {
  /** On the host. */
  source: string
  /** In the container. */
  destination: string
}

/** `described`: the container's `config.v2.json` or the answer of inspect. Never throws. */
export function mountedFiles(described: unknown, identity: Identity): MountedFiles {
  const label = ownLabel(identity.labels, 'files')
  const wanted: Wanted[] = []
  const faults: string[] = []
  if (label === undefined) return { wanted, faults }
  const mounts = mountsOf(described)
  const paths = label
    .split(',')
    .map((path) => path.trim())
    .filter((path) => path !== '')
  for (const path of paths.slice(0, mostFiles)) {
    // Somebody else's folders may be deep.
    if (path.includes('**')) {
      faults.push(`its label mesoscope.files names ${path}: ** is not looked through`)
      continue
    }
    const mount = isAbsolute(path) ? mounts.find((one) => isIn(path, one)) : undefined
    if (!mount) {
      faults.push(`its label mesoscope.files names ${path}, which is not in a mounted folder`)
      continue
    }
    wanted.push({
      pattern: join(mount.source, relative(mount.destination, normalize(path))),
      below: mount.source,
      identity: () => identity,
    })
  }
  if (paths.length > mostFiles) {
    faults.push(
      `its label mesoscope.files names more than ${mostFiles} files: the rest is not read`,
    )
  }
  return { wanted, faults }
}

/** The innermost first: a path may lie in several. */
function mountsOf(described: unknown): Mount[] {
  const { MountPoints: points, Mounts: listed } = asObject(described)
  const all = Array.isArray(listed) ? listed : Object.values(asObject(points))
  return all
    .flatMap((one: unknown): Mount[] => {
      const { Source: source, Destination: destination } = asObject(one)
      const isSound = [source, destination].every(
        (path) => typeof path === 'string' && isAbsolute(path),
      )
      return isSound ? [{ source: source as string, destination: destination as string }] : []
    })
    .toSorted((a, b) => b.destination.length - a.destination.length)
}

function isIn(path: string, { destination }: Mount): boolean {
  const within = relative(destination, normalize(path))
  return within !== '' && !within.startsWith('..') && !isAbsolute(within)
}
