// One line per command, in the order that --help shows.
export { register as train } from './train.js'
export { register as test } from './test.js'
export { register as explain } from './explain.js'
export { register as removeFeatures } from './remove-features.js'
export { register as report } from './report.js'
export { register as rules } from './rules.js'
export { register as models } from './models.js'
export { register as doctor } from './doctor.js'
