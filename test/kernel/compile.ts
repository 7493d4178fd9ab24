import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/*
 * `npm run kernel` compiles `collectors/kernel/` to `collectors/kernel-bytes.ts`, which is committed: Mesoscope has no build
 * step. A test compares the two. The compiler is run as a program: its types would change those of arrays for all.
 */

const root = fileURLToPath(new URL('../..', import.meta.url))
const compiler = join(root, 'node_modules/assemblyscript/bin/asc.js')
const target = join(root, 'collectors/kernel-bytes.ts')
const width = 94
const options = '--runtime stub --use abort= --importMemory --initialMemory 48 --noAssert -O3'

/** The text of `collectors/kernel-bytes.ts`; throws what the compiler says. */
export function compileKernel(): string {
  const dir = mkdtempSync(join(tmpdir(), 'mesoscope-kernel-'))
  try {
    const out = ['--enable', 'simd,bulk-memory', '--outFile', join(dir, 'kernel.wasm')]
    const args = [compiler, 'collectors/kernel/index.ts', ...options.split(' '), ...out]
    execFileSync(process.execPath, args, { cwd: root, stdio: ['ignore', 'ignore', 'pipe'] })
    return render(readFileSync(join(dir, 'kernel.wasm')).toString('base64'))
  } finally {
    rmSync(dir, { recursive: true })
  }
}

function render(base64: string): string {
  const lines = Array.from({ length: Math.ceil(base64.length / width) }, (_, n) =>
    base64.slice(n * width, (n + 1) * width),
  )
  const comment = '/** `collectors/kernel/`, compiled: made by `npm run kernel`. */'
  return `${comment}\nexport const kernelBytes =\n${lines.map((line) => `  '${line}'`).join(' +\n')}\n`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(target, compileKernel())
