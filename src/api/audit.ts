/**
 * The result of an audit, and the reference samples of concepts.
 * @module lrp-native/audit
 */
export { auditJsonSchema, type AuditResult } from '../audit/result.js'
export { ReferenceSamples, type ReferenceOptions, type ReferenceSample } from '../concepts/reference-samples.js'
