/** The usual reasons why a port cannot be bound, in one line; undefined for any other error. */
export function describeListenError(error: unknown): string | undefined {
  const { code, address, port } = error as NodeJS.ErrnoException & { address?: string; port?: number }
  const where = `${address ?? ''}:${port ?? ''}`
  switch (code) {
    case 'EADDRINUSE':
      return `cannot listen on ${where}: it is in use`
    case 'EACCES':
      return `cannot listen on ${where}: permission denied`
    case 'EADDRNOTAVAIL':
      return `cannot listen on ${where}: not an address of this machine`
    case 'ENOTFOUND':
      return `cannot listen on ${where}: no such host`
    default:
      return undefined
  }
}
