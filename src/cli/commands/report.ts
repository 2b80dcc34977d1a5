import { report } from '../../report/report.js'
import { reportOptions } from '../../report/options.js'
import { defineCommand } from '../command.js'

export const register = defineCommand<string[]>({
  argument: ['[experiments...]', 'experiments (folders or names); by default the newest'],
  options: [reportOptions],
  examples: ['report', 'report mlp-digits lenet-digits --output comparison.html', 'report --format md'],
  run: async ({ argument, given, output }) => {
    const written = await report(argument, given(reportOptions))
    output.result(written, [`report: ${written.report}`])
  }
})
