export function openIntegration(_i: unknown, _o: object): never {
  throw new Error('not yet')
}
