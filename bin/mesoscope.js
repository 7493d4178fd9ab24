#!/usr/bin/env node
// Starts Mesoscope on a Node that runs it: this one if it is new enough, else the Node 24 that npm installed beside us.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import module, { createRequire } from 'node:module'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const needed = [24, 11]
const [major, minor] = process.versions.node.split('.').map(Number)
// A checkout runs main.ts as it is; the packed tarball holds the compiled program instead.
const source = new URL('../main.ts', import.meta.url)
const program = existsSync(source) ? source : new URL('../dist/main.js', import.meta.url)

/**
 * One helper thread of V8 instead of four: on a few cores they hold each other up, which costs a quarter of the CPU.
 */
const helpers = '--v8-pool-size=1'

if (major > needed[0] || (major === needed[0] && minor >= needed[1])) {
  beginAnewWithOneHelper()
  rememberCompiled()
  await import(program.href)
} else {
  const node = bundledNode()
  const args = [helpers, fileURLToPath(import.meta.url), ...process.argv.slice(2)]
  const child = spawn(node, args, { stdio: 'inherit' })
  // A terminal sends Ctrl-C to both processes; a service manager sends SIGTERM to this one alone.
  process.on('SIGINT', () => {})
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('error', (error) => {
    console.error(`mesoscope: cannot start ${node}: ${error.message}`)
    process.exit(1)
  })
  child.on('exit', (code, signal) => {
    if (signal) {
      process.removeAllListeners(signal)
      process.kill(process.pid, signal)
    } else process.exit(code ?? 1)
  })
}

/** For what runs long; as the same process, where the operating system and Node can. */
function beginAnewWithOneHelper() {
  const isSaid = /--v8-pool-size/.test(`${process.execArgv} ${process.env.NODE_OPTIONS ?? ''}`)
  if (isSaid || process.argv[2] !== 'run' || !process.execve) return
  const args = [process.execPath, ...process.execArgv, helpers, ...process.argv.slice(1)]
  try {
    process.execve(process.execPath, args, process.env)
  } catch {
    // Not allowed here: it runs as it is.
  }
}

/** What was compiled before, and stripped of its types, is not compiled again: a start takes half as long. Threads and children follow. */
function rememberCompiled() {
  try {
    process.env.NODE_COMPILE_CACHE ??= join(homedir(), '.cache', 'mesoscope', 'compiled')
    module.enableCompileCache?.(process.env.NODE_COMPILE_CACHE)
  } catch {
    // Without a home it is compiled each time.
  }
}

function bundledNode() {
  try {
    return createRequire(import.meta.url).resolve(`node-linux-${process.arch}/bin/node`)
  } catch {
    console.error(
      `mesoscope: needs Node ${needed.join('.')} or newer, this is ${process.versions.node}; ` +
        `on Linux (x64, arm64) npm installs one beside Mesoscope unless optional packages are left out, elsewhere install it yourself`,
    )
    return process.exit(1)
  }
}
