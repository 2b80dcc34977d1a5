import { audit } from '../../audit/audit.js'
import { auditOptions } from '../../audit/options.js'
import type { AuditResult } from '../../audit/result.js'
import { clearedText } from '../../audit/verdict.js'
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
    using model = await Model.load(argument, given(oneInputOptions))
    const { onProgress, done } = output.meter('images')
    const asked = { ...given(auditOptions), onDownload: downloadProgress(output), onProgress, signal }
    const { result, folder, files } = await audit(model, asked).finally(done)
    output.result({ ...result, folder, files }, [...linesOf(result), `written to ${folder}`])
  }
})

function linesOf(result: AuditResult): string[] {
  const { accuracy, images, classes, flagged } = result
  const clusters = classes.reduce((sum, one) => sum + one.clusters.length, 0)
  const first = `accuracy ${accuracy.toFixed(4)} on ${counted(images, 'image')}; ${counted(clusters, 'cluster')} of ${classes.length} classes tested`
  if (flagged.length === 0) return [first, ...clearedText(result)]
  return [first, ...flagged.map((one) => `FLAGGED class ${one.class}, cluster ${one.cluster}: ${one.reason}`)]
}
