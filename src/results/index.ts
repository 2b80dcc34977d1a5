import * as z from 'zod'
import { auditSchema } from '../audit/result.js'
import { tuneSchema } from '../tune/trials.js'
import { conceptsResult } from './concepts.js'
import { evaluationResult, removalResult } from './evaluation.js'
import { explainResult } from './explain.js'
import { classificationResult, multilabelResult, regressionResult, segmentationResult } from './scores.js'
import { experimentResult } from './train.js'

/** The JSON files that commands write, by the names of their schemas in docs/schemas. */
export const RESULTS = {
  explain: explainResult,
  evaluation: evaluationResult,
  removal: removalResult,
  'test-classification': classificationResult,
  'test-multilabel': multilabelResult,
  'test-regression': regressionResult,
  'test-segmentation': segmentationResult,
  experiment: experimentResult,
  tune: tuneSchema,
  concepts: conceptsResult,
  audit: auditSchema
} as const satisfies Record<string, z.ZodObject>

/** A published schema as JSON Schema, draft 2020-12. */
export function jsonSchemaOf(name: keyof typeof RESULTS): object {
  return z.toJSONSchema(RESULTS[name])
}
