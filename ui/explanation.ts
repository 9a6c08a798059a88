import type { ExplainPage } from '../routes/admin/explain.ts'
import { html, type Shown } from './html.ts'
import { linkTo } from './place.ts'

/** Shows what would happen to a request: its steps, the documents it does not get, and the nodes that could answer. */
export function explanation({ steps, route, candidates, nodes, wouldAnswer, revision }: ExplainPage): Shown {
  return html`<div class="explanation">
    <p class="verdict ${wouldAnswer && wouldAnswer.status >= 400 && 'bad'}">
      ${verdict(wouldAnswer, nodes)} <span class="faint">revision ${revision ?? '–'}</span>
    </p>
    <ol class="steps">${steps.map(({ step, ok, text, detail }, index) => {
      const isLast = index === steps.length - 1
      const sign = html`<i class="sign ${ok ? 'good' : 'bad'}" aria-hidden="true">${ok ? '●' : '▲'}</i>`
      const stops = !ok && html`<span class="unseen">stops: </span>`
      const line = html`${sign}<b>${step}</b> <span>${stops}${text}</span>`
      return html`<li key=${step + index} class=${ok ? '' : 'bad'}>${
        detail === undefined
          ? html`<p>${line}</p>`
          : html`<details open=${isLast && !ok}><summary>${line}</summary><pre tabindex="0"><code>${JSON.stringify(detail, null, 2)}</code></pre></details>`
      }</li>`
    })}</ol>
    <div class="columns">
      <section>
        <h3>Documents that come closest</h3>
        ${candidates.length === 0 && html`<p class="empty">None comes close.</p>`}
        <ul class="candidates">${candidates.map(
          ({ id, lost }) =>
            html`<li key=${id} class=${id === route?.id ? 'taken' : ''}>
            <a href=${linkTo('routes', [id])}>${id}</a>
            <span class=${lost === null ? '' : 'faint'}>${lost ?? 'takes the request'}</span>
          </li>`,
        )}</ul>
      </section>
      <section>
        <h3>Nodes that could answer</h3>
        ${nodes.length === 0 && html`<p class="empty">None.</p>`}
        <ul class="shares">${nodes.map(
          ({ id, share, eligible, why }) => html`<li key=${id}>
            <span>${id}</span>
            <meter min="0" max="100" value=${share} aria-label="Share of ${id}"></meter>
            <span class="num">${share.toFixed(share % 1 === 0 ? 0 : 1)} %</span>
            <span class=${eligible ? 'faint' : 'bad'}>${why}</span>
          </li>`,
        )}</ul>
      </section>
    </div>
  </div>`
}

function verdict(wouldAnswer: ExplainPage['wouldAnswer'], nodes: ExplainPage['nodes']): Shown {
  if (wouldAnswer)
    return html`The gateway would answer <b>${wouldAnswer.status}</b>${wouldAnswer.code && html` <code>${wouldAnswer.code}</code>`}.`
  const eligible = nodes.filter(each => each.eligible)
  if (eligible.length === 1) return html`<b>${eligible[0]!.id}</b> would answer.`
  return html`One of <b>${eligible.length}</b> nodes would answer.`
}
