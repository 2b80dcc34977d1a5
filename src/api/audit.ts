/**
 * What an audit finds, and concepts.
 * @module lrp-native/audit
 */
export { auditJsonSchema, type AuditResult } from '../audit/result.js'
export { ReferenceSamples, type ReferenceOptions, type ReferenceSample } from '../concepts/reference-samples.js'
