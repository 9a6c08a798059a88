/** The memory that the bodies of many requests share. What keeps bytes adds them, and takes them off in the end. */
export interface BodyMemory {
  /** Bytes that are kept now. */
  bytes: number
  readonly maxBytes: number
}
