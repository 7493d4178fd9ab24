/**
 * One record of a RecordIO stream: its length in decimal digits, a newline, and that many bytes.
 * The length is of bytes: `{"name":"café"}` has 15 characters and 16 bytes.
 */
export function recordIo(text: string): string {
  return `${Buffer.byteLength(text)}\n${text}`
}
