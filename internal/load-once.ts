/**
 * Returns a function that loads something when it is first called, and then has it. A load that fails is tried again at the next
 * call: an update may have replaced the files of the program for a moment.
 */
export function loadOnce<Loaded>(load: () => Promise<Loaded>): () => Promise<Loaded> {
  let loading: Promise<Loaded> | undefined
  return () => {
    loading ??= load().catch(error => {
      loading = undefined
      throw error
    })
    return loading
  }
}
