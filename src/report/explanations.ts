import { commandText } from '../core/command-line.js'
import { duration } from '../core/duration.js'
import { html, type Html } from '../plot/html.js'
import { counted } from '../core/plural.js'
import { nounOf } from '../model/input-kind.js'
import { methodChooser, pictureGrid } from './pictures.js'
import type { ExperimentReport } from './gather.js'

type Explained = ExperimentReport['explanations'][number]

/** The explanations of an experiment, with choosers of the method and of the predicted class. */
export function explanationSection(experiment: ExperimentReport, index: number): Html {
  const group = `explanations-${index}`
  const { explanations } = experiment
  const classes = [
    ...new Set(explanations.flatMap(({ summary }) => summary.images.flatMap(({ predicted }) => predicted ?? [])))
  ]
  const names = classes.sort((a, b) => a - b).map((predicted) => classOf(experiment, predicted))
  return html`<h2>Explanations</h2>
    <p class="chooser">
      ${methodChooser(
        group,
        explanations.map(({ name }) => name)
      )}
      ${
        names.length > 1 &&
        html`<label
          >Predicted class
          <select data-classes="${group}">
            <option value="">all</option>
            ${names.map((name) => html`<option value="${name}">${name}</option>`)}
          </select></label
        >`
      }
    </p>
    ${explanations.map((one) => byMethod(experiment, one, group))}`
}

function byMethod(experiment: ExperimentReport, { name, summary, pictures }: Explained, group: string): Html {
  const { images, inputKind: kind, milliseconds, conservationError, warnings, settings } = summary
  const classByImage = new Map(
    images.map(({ name, predicted }) => [name, predicted === undefined ? undefined : classOf(experiment, predicted)])
  )
  const classOfPicture = (picture: string): string | undefined =>
    classByImage.get(picture.replace(/\.(layers|attention)$/, ''))
  return html`<section data-in="${group}" data-key="${name}" aria-label="Explanations by ${name}">
    <p class="note">
      ${counted(images.length, nounOf(kind))} in ${duration(milliseconds)}; mean conservation error
      ${conservationError.toPrecision(3)}. Command:
      <code>${commandText('explain', experiment.name, settings)}</code>
    </p>
    ${warnings.map((warning) => html`<p role="note"><strong>Note:</strong> ${warning}</p>`)}
    ${pictureGrid(experiment, pictures, { classOf: classOfPicture, kind })}
  </section>`
}

function classOf({ data }: ExperimentReport, predicted: number): string {
  return (data?.classes as string[] | undefined)?.[predicted] ?? String(predicted)
}
