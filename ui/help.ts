import { html, useEffect, useRef } from './html.ts'
import { VIEWS } from './place.ts'

/** Shows what keys do, and how filters are written. */
export function Help({ onClose }: { readonly onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => dialog.current?.showModal(), [])
  return html`<dialog ref=${dialog} onClose=${onClose} aria-labelledby="help-title">
    <h2 id="help-title">Keys</h2>
    <dl class="keys">
      ${VIEWS.map(({ name, title, letter }) => key(`g ${letter}`, title, name))}
      ${key('/', 'Search, or filter')}
      ${key('j k', 'Next and previous row')}
      ${key('Enter', 'Open the row')}
      ${key('a', 'Only what needs attention')}
      ${key('.', 'Pause the tail of requests')}
      ${key('?', 'This help')}
    </dl>
    <h2>Filters</h2>
    <p>
      Words that must all hold: <code>service:user status:5xx ms>100 path:/api/*</code>. A word without a field is searched
      for. A minus in front negates a word: <code>-method:GET</code>.
    </p>
    <form method="dialog"><button type="submit">Close</button></form>
  </dialog>`
}

function key(keys: string, what: string, name = what) {
  return html`<div key=${name}><dt>${keys.split(' ').map(each => html`<kbd key=${each}>${each}</kbd>`)}</dt><dd>${what}</dd></div>`
}
