import { counted } from '../../core/plural.js'
import { report } from '../../report/report.js'
import { reportOptions } from '../../report/options.js'
import { defineCommand } from '../command.js'

export const register = defineCommand<string[]>({
  argument: ['[experiments...]', 'names or folders of the experiments (default: all experiments)'],
  options: [reportOptions],
  examples: ['report', 'report mlp-digits lenet-digits --output comparison.html', 'report --format md'],
  run: async ({ argument, given, output }) => {
    const written = await report(argument, given(reportOptions))
    for (const one of written.skipped) output.note(`note: skipped: ${one}`)
    output.result(written, [
      `collected ${counted(written.experiments.length, 'experiment')}`,
      `report: ${written.report}`
    ])
  }
})
