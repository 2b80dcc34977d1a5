import { audit } from '../../audit/audit.js'
import { auditOptions } from '../../audit/options.js'
import type { AuditResult } from '../../audit/result.js'
import { clearedText } from '../../audit/cleared.js'
import { recordedSettings } from '../../core/command-line.js'
import { counted } from '../../core/plural.js'
import { Model } from '../../model/model.js'
import { oneInputOptions } from '../../model/options.js'
import { defineCommand, MODEL } from '../command.js'
import { downloadProgress } from '../data-progress.js'

export const register = defineCommand<string | undefined>({
  argument: MODEL,
  options: [oneInputOptions, auditOptions],
  examples: [
    'audit',
    'audit path/to/model --data-path path/to/class-folders --output audit',
    'audit lenet-mnist --export-lists --format html,virelay'
  ],
  run: async ({ argument, given, output, context: { signal } }) => {
    const loading = given(oneInputOptions)
    using model = await Model.load(argument, loading)
    const meters = { images: output.meter('images'), classes: output.meter('classes') }
    const { result, folder, files, next, reused } = await audit(model, {
      ...given(auditOptions),
      called: argument ?? model.experiment?.name,
      loadedWith: recordedSettings(oneInputOptions, loading),
      onDownload: downloadProgress(output),
      onProgress: (done, total, what) => {
        if (what === 'classes') meters.images.done()
        meters[what].onProgress(done, total)
      },
      signal
    }).finally(() => Object.values(meters).forEach(({ done }) => done()))
    if (reused)
      output.note(
        'note: these results come from an earlier audit of the same model and images; only the files were written again'
      )
    const steps = next.flatMap(({ what, command }) => [`  ${what}:`, `    ${command}`])
    output.result({ ...result, folder, files, next }, [
      ...linesOf(result),
      `written to ${folder}`,
      ...(steps.length > 0 ? ['next:', ...steps] : [])
    ])
  }
})

function linesOf(result: AuditResult): string[] {
  const { accuracy, images, classes, flagged } = result
  const clusters = classes.reduce((sum, one) => sum + one.clusters.length, 0)
  const first = `accuracy ${accuracy.toFixed(4)} on ${counted(images, 'image')}; ${counted(clusters, 'cluster')} of ${classes.length} classes tested`
  if (flagged.length === 0) return [first, ...clearedText(result)]
  return [first, ...flagged.map((one) => `FLAGGED class ${one.class}, cluster ${one.cluster}: ${one.reason}`)]
}
