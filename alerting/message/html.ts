import { cleanLine, escapeHtml } from '../clean.ts'
import type { Content, Link, Row, Section } from './content.ts'

const font = 'font-family:-apple-system,Segoe UI,Roboto,Helvetica,Arial,sans-serif'
const cell = 'padding:3px 12px 3px 0;vertical-align:top'
const box =
  'background:#f6f8fa;border-radius:6px;padding:10px;font:12px ui-monospace,Menlo,Consolas,monospace;white-space:pre-wrap;word-break:break-word'

export function asHtml(content: Content): string {
  const colour = content.firing ? '#b3261e' : '#1e7d34'
  const parts = [
    `<div style="border-left:6px solid ${colour};padding:4px 0 4px 14px">`,
    `<div style="color:${colour};font-weight:600;font-size:13px">${content.firing ? 'FIRING' : 'RESOLVED'}</div>`,
    `<div style="font-size:19px;font-weight:600">${escapeHtml(cleanLine(content.title, 300))}</div>`,
    content.summary ? `<div style="margin-top:4px">${breaks(content.summary)}</div>` : '',
    '</div>',
    `<table style="border-collapse:collapse;margin:16px 0;font-size:14px">${content.rows.map(htmlRow).join('')}</table>`,
    content.links.length > 0 ? `<p>${content.links.map(htmlLink).join(' &nbsp; ')}</p>` : '',
    ...content.sections.map(htmlSection),
    ...content.notes.map((note) => `<p style="color:#5f6368">${escapeHtml(note)}</p>`),
  ]
  const body = `<body style="margin:16px;color:#202124;${font};font-size:14px">${parts.join('')}</body>`
  return `<!doctype html><html><head><meta charset="utf-8"></head>${body}</html>`
}

function htmlRow({ name, text, link }: Row): string {
  const value = link ? anchor(text, link) : escapeHtml(text)
  return `<tr><td style="${cell};color:#5f6368">${escapeHtml(name)}</td><td style="${cell}">${value}</td></tr>`
}

function htmlSection({ title, lines }: Section): string {
  const rows = lines.map(({ time, text, link }) => {
    const stamp = time && `<span style="color:#5f6368">${escapeHtml(time)}</span> `
    return `<div style="margin:2px 0">${stamp ?? ''}${link === undefined ? breaks(text) : anchor(text, link)}</div>`
  })
  return `<div style="font-weight:600;margin:12px 0 4px">${escapeHtml(title)}</div><div style="${box}">${rows.join('')}</div>`
}

/** `These lines` → `Open these lines` */
function htmlLink({ name, url }: Link): string {
  const words = `Open ${name.slice(0, 1).toLowerCase()}${name.slice(1)}`
  return `<a href="${escapeHtml(url)}" style="color:#0b57d0;white-space:nowrap">${escapeHtml(words)}</a>`
}

function anchor(text: string, link: string): string {
  return `<a href="${escapeHtml(link)}" style="color:#0b57d0">${escapeHtml(text)}</a>`
}

function breaks(text: string): string {
  return escapeHtml(text).replaceAll('\n', '<br>')
}
