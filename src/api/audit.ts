/** `lrp-native/audit`: what an audit finds, and concepts. */
export { auditJsonSchema, type AuditResult } from '../audit/result.js'
export { ReferenceSamples, type ReferenceOptions, type ReferenceSample } from '../concepts/reference-samples.js'
