import * as z from 'zod'
import { option } from '../core/option.js'
import { explainOptions } from '../explain/options.js'
import { inputOptions } from '../explain/file-options.js'
import { calledOptions } from '../model/options.js'

/** Options of `serve`. */
export const serveOptions = z.strictObject({
  ...inputOptions.shape,
  limit: option(z.int().min(1).default(24), {
    help: 'maximum number of images on the page',
    group: 'images',
    unit: 'images'
  }),
  rules: option(z.array(z.string()), {
    help: 'JSON files with your own rules or composites to offer on the page, separated by commas (docs/rules.md)',
    group: 'how',
    unit: 'files',
    commas: true
  }),
  patterns: explainOptions.shape.patterns,
  host: option(z.string().min(1).default('127.0.0.1'), {
    help: 'address that the server listens on; the default accepts connections only from this machine',
    group: 'output',
    unit: 'address'
  }),
  port: option(z.int().min(0).max(65535).default(8420), {
    help: 'port that the server listens on; 0 selects any free port',
    group: 'output'
  }),
  ...calledOptions.shape
})

/** Options of `serve`: images, host, port (docs/options.md). */
export type ServeOptions = z.input<typeof serveOptions>
