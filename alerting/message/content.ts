import { spokenDuration } from '../rules/humanize.ts'

/** What a message shows, before it is text or HTML; everything in it is clean text. */
export interface Content {
  firing: boolean
  title: string
  summary: string | undefined
  rows: Row[]
  sections: Section[]
  links: Link[]
  notes: string[]
}

export interface Row {
  name: string
  text: string
  link?: string
}

export interface Section {
  title: string
  lines: { time?: string; text: string; link?: string }[]
}

/** A place of the page. */
export interface Link {
  /** `These lines`, `The lines of this incident`. */
  name: string
  url: string
}

/** `2026-11-22 17:58:00 UTC (for 2m)`; times in ms. */
export function sinceText(since: number, now: number): string {
  return now > since ? `${utc(since)} (for ${spokenDuration(now - since)})` : utc(since)
}

export function utc(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} UTC`
}
