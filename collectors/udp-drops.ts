import { readFileSync } from 'node:fs'

/**
 * How many datagrams the kernel has dropped because nobody read them in time, of all sockets on a port; undefined where that cannot
 * be told. https://docs.kernel.org/networking/proc_net_tcp.html; the last column of /proc/net/udp is `drops`.
 */
export function udpDrops(port: number, read = readTable): number | undefined {
  const tables = ['/proc/net/udp', '/proc/net/udp6'].flatMap((path) => read(path) ?? [])
  if (tables.length === 0) return undefined
  const ours = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  let drops = 0
  for (const line of tables.flatMap((table) => table.split('\n').slice(1))) {
    const columns = line.trim().split(/\s+/)
    if (columns[1]?.endsWith(ours)) drops += Number(columns.at(-1)) || 0
  }
  return drops
}

function readTable(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return undefined
  }
}
