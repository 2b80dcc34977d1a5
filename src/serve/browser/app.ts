// The page's own script: asks for an explanation whenever something is turned, and shows the answer.
import type { Answer, Choice, Facts, Question } from '../protocol.js'

const element = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T
const facts = JSON.parse(element('facts').textContent) as Facts

const parameters: NonNullable<Question['parameters']> = {}
let image = 0
let target: NonNullable<Question['target']> = 'argmax'
let asking: AbortController | undefined

/** alpha - beta is 1: where one is turned, the other follows. */
const FOLLOWERS: Record<string, { name: string; distance: number }> = {
  alpha: { name: 'beta', distance: -1 },
  beta: { name: 'alpha', distance: 1 }
}

function chosen(): Choice {
  const { value } = element<HTMLSelectElement>('choice')
  return facts.choices.find(({ name }) => name === value)!
}

function question(): Question {
  const { kind, name, parameters: own } = chosen()
  const value = (id: string): string => element<HTMLSelectElement>(id).value
  const topK = 10 ** Number(value('topK'))
  const lrp = kind !== 'method'
  const turned = Object.entries(parameters).filter(([parameter]) => parameter in own)
  return {
    image,
    choice: name,
    parameters: Object.fromEntries(turned),
    target,
    ...(facts.heads.length > 0 && value('head') !== facts.heads[0] && { head: value('head') }),
    narrowed: narrowed(),
    ...(lrp && topK < 1 && { topK: Number(topK.toPrecision(3)) }),
    ...(lrp && value('start') !== 'logit' && { start: value('start') as Question['start'] }),
    view: value('view') as Question['view'],
    ...(value('colourMap') !== facts.colourMaps[0] && { colourMap: value('colourMap') }),
    ...(value('quantile') !== '1' && { quantile: Number(value('quantile')) })
  }
}

/** What is written in the fields that narrow the target down. */
function narrowed(): Record<string, string> {
  const written = facts.narrowing.map(({ name }) => [name, element<HTMLInputElement>(name).value.trim()] as const)
  return Object.fromEntries(written.filter(([, text]) => text !== ''))
}

/** Asks again; an earlier question is given up. */
async function ask(): Promise<void> {
  asking?.abort()
  const mine = (asking = new AbortController())
  element('map').classList.add('waiting')
  try {
    const body = JSON.stringify(question())
    const headers = { 'content-type': 'application/json' }
    const response = await fetch('explain', { method: 'POST', headers, body, signal: mine.signal })
    const found = (await response.json()) as Answer & { message: string }
    if (!response.ok) throw new Error(found.message)
    show(found)
    say('')
  } catch (error) {
    if (mine.signal.aborted) return
    say((error as Error).message, true)
  }
  if (asking === mine) element('map').classList.remove('waiting')
}

function say(text: string, error = false): void {
  element('message').textContent = text
  element('message').classList.toggle('error', error)
}

function show(answer: Answer): void {
  element<HTMLImageElement>('picture').src = answer.picture
  element('legend').textContent = facts.legends[element<HTMLSelectElement>('colourMap').value] ?? ''
  drawOutlines(answer)
  const { sum, conservationError, milliseconds } = answer
  const kept =
    conservationError === undefined ? '' : `, conservation error ${(conservationError * 100).toPrecision(3)} %`
  const turned = { ...question().parameters, ...narrowed() }
  const own = Object.entries(turned).map(([name, value]) => `, ${name} ${value}`)
  element('told').textContent =
    `${chosen().label ?? chosen().name}${own.join('')} for ${answer.explained}: sum of relevance ${sum.toPrecision(4)}${kept}; ${milliseconds.toFixed(0)} ms`
  element('warnings').textContent = answer.warnings.join(' ')
  element('command').textContent = answer.command
  element('outputs').replaceChildren(
    ...answer.outputs.map((output) => outputRow(output, output.index === answer.target))
  )
  element('outputs-section').hidden = answer.outputs.length === 0 // a similarity has no classes
  element('further').replaceChildren(...answer.further.map(furtherInput))
}

function furtherInput({ title, picture }: Answer['further'][number]): HTMLElement {
  const figure = document.createElement('figure')
  figure.append(Object.assign(document.createElement('img'), { src: picture, alt: title }), textIn('figcaption', title))
  return figure
}

function drawOutlines({ outlines, width, height }: Answer): void {
  element('map').querySelector('svg')?.remove()
  if (outlines.length === 0) return
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg')
  svg.setAttribute('viewBox', `0 0 ${width} ${height}`)
  for (const { path, colour } of outlines) {
    const line = document.createElementNS('http://www.w3.org/2000/svg', 'path')
    for (const [name, value] of Object.entries({ d: path, stroke: colour, fill: 'none' }))
      line.setAttribute(name, value)
    line.setAttribute('stroke-width', String(width / 120))
    svg.append(line)
  }
  element('map').append(svg)
}

function outputRow({ index, name, value, probability }: Answer['outputs'][number], explained: boolean): HTMLLIElement {
  const button = document.createElement('button')
  button.type = 'button'
  button.setAttribute('aria-pressed', String(explained))
  const number = probability === undefined ? value.toPrecision(4) : `${(probability * 100).toFixed(1)} %`
  button.append(textIn('span', name), textIn('span', number))
  if (probability !== undefined) {
    const bar = textIn('span', '')
    bar.className = 'bar'
    bar.style.width = `${probability * 100}%`
    button.append(bar)
  }
  button.addEventListener('click', () => explainOutput(index))
  const row = document.createElement('li')
  row.append(button)
  return row
}

function explainOutput(index: NonNullable<Question['target']>): void {
  target = index
  void ask()
}

function textIn(tag: string, text: string): HTMLElement {
  const made = document.createElement(tag)
  made.textContent = text
  return made
}

/** One slider per parameter of the choice; untouched, a parameter is what the choice says. */
function showParameters(): void {
  const { parameters: own, description, kind } = chosen()
  element('description').textContent = description
  const sliders = Object.entries(own).map(([name, value]) => slider(name, value ?? null))
  element('parameters').replaceChildren(...sliders)
  for (const id of ['shares', 'start']) (element(id).closest('label') ?? element(id)).hidden = kind === 'method'
}

function slider(name: string, own: number | null): HTMLElement {
  const { powers, ...range } = chosen().sliders?.[name] ?? facts.sliders[name]!
  const label = document.createElement('label')
  const head = textIn('span', name)
  const shown = textIn('output', '')
  const input = Object.assign(document.createElement('input'), { type: 'range', id: name })
  for (const [key, value] of Object.entries(range)) input.setAttribute(key, String(value))
  const start = parameters[name] ?? own
  const place = start === null || !powers ? start : Math.log10(Math.max(start, 1e-12))
  input.value = String(place ?? (range.min + range.max) / 2)
  const tell = (): void => {
    const value = parameters[name] ?? own
    const text = value === null ? 'default of each layer' : String(value)
    shown.textContent = text
    input.classList.toggle('layers', value === null)
    input.setAttribute('aria-valuetext', text)
  }
  input.addEventListener('input', () => {
    turn(name, powers ? 10 ** Number(input.value) : Number(input.value))
    tell()
    void ask()
  })
  input.addEventListener('dblclick', () => {
    for (const one of [name, FOLLOWERS[name]?.name ?? name]) delete parameters[one]
    showParameters()
    void ask()
  })
  input.title = 'Double-click to reset'
  tell()
  head.append(shown)
  label.append(head, input)
  return label
}

function turn(name: string, value: number): void {
  parameters[name] = Number(value.toPrecision(3))
  const follower = FOLLOWERS[name]
  const other = follower && (document.getElementById(follower.name) as HTMLInputElement | null)
  if (!follower || !other) return
  parameters[follower.name] = Number((value + follower.distance).toPrecision(3))
  other.value = String(parameters[follower.name])
  other.classList.remove('layers')
  other.setAttribute('aria-valuetext', other.value)
  other.closest('label')!.querySelector('output')!.textContent = String(parameters[follower.name])
}

function chooseImage(index: number): void {
  image = index
  target = 'argmax'
  for (const [i, button] of [...element('gallery').querySelectorAll('button')].entries()) {
    button.setAttribute('aria-pressed', String(i === index))
  }
  const { name, label } = facts.images[index]!
  element<HTMLImageElement>('original').src = `images/${index}.png`
  element('named').textContent = label === undefined ? name : `${name}, true class ${label}`
  void ask()
}

function addToGallery(index: number): void {
  const { name, label } = facts.images[index]!
  const picture = Object.assign(document.createElement('img'), {
    src: `images/${index}.png`,
    alt: label ?? name,
    loading: 'lazy'
  })
  const button = Object.assign(document.createElement('button'), { type: 'button', title: name })
  button.append(picture)
  button.addEventListener('click', () => chooseImage(index))
  const item = document.createElement('li')
  item.append(button)
  element('gallery').append(item)
  document.getElementById('images')?.append(Object.assign(document.createElement('option'), { value: name }))
}

async function addFile(file: File): Promise<void> {
  try {
    const type = file.type || 'application/octet-stream'
    const response = await fetch(`images?name=${encodeURIComponent(file.name)}`, {
      method: 'POST',
      headers: { 'content-type': type },
      body: file
    })
    const found = (await response.json()) as { image: number; message: string }
    if (!response.ok) throw new Error(found.message)
    facts.images[found.image] = { name: file.name }
    addToGallery(found.image)
    chooseImage(found.image)
  } catch (error) {
    say((error as Error).message, true)
  }
}

function keep(): void {
  const copy = element('map').closest('figure')!.cloneNode(true) as HTMLElement
  for (const one of [copy, ...copy.querySelectorAll('[id]')]) one.removeAttribute('id')
  copy.querySelector('.map')!.classList.remove('waiting')
  copy.dataset.kept = ''
  element('maps').append(copy)
  element('forget').hidden = false
}

function forget(): void {
  for (const kept of document.querySelectorAll('[data-kept]')) kept.remove()
  element('forget').hidden = true
}

function explainNamed(text: string): void {
  const named = facts.classes.indexOf(text.trim())
  const index = named >= 0 ? named : Number(text)
  if (Number.isInteger(index) && index >= 0 && text.trim() !== '') explainOutput(index)
  else say(`Class '${text}' does not exist`, true)
}

facts.images.forEach((_, index) => addToGallery(index))
element('choice').addEventListener('change', () => {
  showParameters()
  void ask()
})
element('topK').addEventListener('input', () => {
  const share = 10 ** Number(element<HTMLInputElement>('topK').value)
  element('shown-topK').textContent = share < 1 ? share.toPrecision(3) : 'all'
  void ask()
})
for (const { name } of facts.narrowing) element(name).addEventListener('change', () => void ask())
document.getElementById('head')?.addEventListener('change', () => explainOutput('argmax'))
for (const id of ['start', 'view', 'colourMap', 'quantile']) element(id).addEventListener('change', () => void ask())
element('keep').addEventListener('click', keep)
element('forget').addEventListener('click', forget)
element('controls').addEventListener('submit', (event) => event.preventDefault())
document
  .getElementById('other')
  ?.addEventListener('change', (event) => explainNamed((event.target as HTMLInputElement).value))
element('file').addEventListener('change', (event) => {
  const [file] = (event.target as HTMLInputElement).files ?? []
  if (file) void addFile(file)
})
document.addEventListener('dragover', (event) => event.preventDefault())
document.addEventListener('drop', (event) => {
  event.preventDefault()
  const file = event.dataTransfer?.files[0]
  if (file) void addFile(file)
})
element<HTMLSelectElement>('choice').value = 'auto'
showParameters()
if (facts.images.length > 0) chooseImage(0)
