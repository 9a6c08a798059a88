import type { Transform } from 'node:stream'

export type EncodingName = 'zstd' | 'br' | 'gzip'

/** A stream that compresses. Its memory is outside the heap of JavaScript, and freed when it is destroyed. */
export interface EncoderStream extends Transform {
  /** Makes everything written so far come out. */
  flush(kind: number, callback?: () => void): void
}

/** Compresses with one content coding, at one level. */
export interface Encoder {
  readonly name: EncodingName
  /** What `EncoderStream.flush` takes. */
  readonly flushKind: number
  /** Compresses a short body at once. */
  whole(body: Buffer): Buffer
  /**
   * Opens a stream. The caller destroys it.
   *
   * @param length of the whole body, if it is known
   * @param flushes whether each piece comes out before the next one is there
   */
  open(length: number | undefined, flushes: boolean): EncoderStream
}

/** Creates the encoder of a coding. It loads zlib, which only routes that compress need. */
export function createEncoder(name: EncodingName, level: number): Encoder {
  const zlib = process.getBuiltinModule('node:zlib')
  const known = zlib.constants
  switch (name) {
    case 'zstd': {
      const params = { [known.ZSTD_c_compressionLevel]: level }
      return {
        name,
        flushKind: known.ZSTD_e_flush,
        whole: body => zlib.zstdCompressSync(body, { params }),
        // A known length lets zstd take less memory for short bodies.
        open: (length, flushes) =>
          zlib.createZstdCompress({
            params,
            ...(length !== undefined && { pledgedSrcSize: length }),
            ...(flushes && { flush: known.ZSTD_e_flush }),
          }),
      }
    }
    case 'br': {
      const params = { [known.BROTLI_PARAM_QUALITY]: level }
      return {
        name,
        flushKind: known.BROTLI_OPERATION_FLUSH,
        whole: body => zlib.brotliCompressSync(body, { params }),
        open: (_, flushes) =>
          zlib.createBrotliCompress({ params, ...(flushes && { flush: known.BROTLI_OPERATION_FLUSH }) }),
      }
    }
    case 'gzip':
      return {
        name,
        flushKind: known.Z_SYNC_FLUSH,
        whole: body => zlib.gzipSync(body, { level }),
        open: (_, flushes) => zlib.createGzip({ level, ...(flushes && { flush: known.Z_SYNC_FLUSH }) }),
      }
    default:
      return name satisfies never
  }
}
