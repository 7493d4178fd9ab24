import { double } from './number.ts'

/** Of the build that the fixtures were captured from. */
export const build = {
  build_date: '2026-11-22 18:30:00 UTC',
  build_time: double(1795372200),
  build_user: 'root',
}

/** `/version`, whose keys are sorted. */
export function version(of: string): Record<string, unknown> {
  return { ...build, version: of }
}
