/** Lines that no program should print and some do. */

export const badLines: readonly Buffer[] = [
  Buffer.from([0x62, 0x61, 0x64, 0x20, 0xff, 0xfe, 0xc3, 0x28, 0x20, 0xf0, 0x9f, 0x92, 0x0a]),
  Buffer.from('a NUL \0 in the middle\n'),
  Buffer.from('{"level":"info","msg":"JSON that never ends\n'),
  Buffer.from('{"level":42,"msg":{"deep":[null]},"time":"yesterday"}\n'),
  Buffer.from('\u001b[31;1mred and bold\u001b[0m \u001b]0;a new window title\u0007\u001b[2J\n'),
  Buffer.from('<script>alert("from a log line")</script><img src=x onerror=alert(1)>\n'),
  Buffer.from('Subject: injected\r\nBcc: everyone@example.com\r\n'),
  Buffer.from('right to left \u202e desrever, line \u2028 separator\n'),
  Buffer.from('\n'),
  Buffer.from(`${JSON.stringify({ level: 'info', msg: 'deep', at: nested(60) })}\n`),
]

/** 2 MB in one line. */
export function hugeLine(): Buffer {
  const line = Buffer.alloc(2_000_000, 'all work and no play ')
  line.write('huge line: ')
  line[line.length - 1] = 0x0a
  return line
}

function nested(depth: number): unknown {
  return depth === 0 ? 'bottom' : { deeper: nested(depth - 1) }
}
