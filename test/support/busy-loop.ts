/** Makes every turn of this process's event loop take at least `turnMs`, until the returned function is called. */
export function keepBusy(turnMs: number): () => void {
  let isBusy = true
  const turn = () => {
    const end = performance.now() + turnMs
    while (performance.now() < end);
    if (isBusy) setImmediate(turn)
  }
  setImmediate(turn)
  return () => {
    isBusy = false
  }
}
