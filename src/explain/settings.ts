/** Options of `explain` that say how relevance is propagated; the command line has flags of the same names. */
export const RULE_SETTINGS = [
  'rule',
  'composite',
  'rules',
  'method',
  'epsilon',
  'gamma',
  'alpha',
  'beta',
  'low',
  'high',
  'ignoreBias',
  'stabiliser',
  'start',
  'topK',
  'steps',
  'noise',
  'window',
  'stride',
  'camLayer',
  'baseline',
  'batchSize',
  'seed'
] as const

/** Options that say which images. */
export const IMAGE_SETTINGS = ['data', 'dataPath', 'input', 'split', 'limit'] as const
