import type { Register } from '../command.js'

export interface Listed {
  description: string
  load: () => Promise<{ register: Register }>
}

/** Every command, in the order that --help shows; the module of the one that is called is loaded. */
export const COMMANDS: Readonly<Record<string, Listed>> = {
  train: {
    description: 'Train a network and write its experiment folder.',
    load: () => import('./train.js')
  },
  finetune: {
    description: 'Fine-tune a model: its last layer or all layers; new classes or values get a new last layer.',
    load: () => import('./finetune.js')
  },
  tune: {
    description: 'Search settings of train by validation accuracy, or loss; the best becomes an experiment.',
    load: () => import('./tune.js')
  },
  test: {
    description: 'Score a model on a data set: accuracy, confusion matrix or errors of values, throughput.',
    load: () => import('./test.js')
  },
  explain: {
    description: 'Explain decisions: relevance of every pixel, as heat maps and arrays.',
    load: () => import('./explain.js')
  },
  'fit-patterns': {
    description: 'Fit the signal patterns that the rules patternnet and patternattribution need.',
    load: () => import('./fit-patterns.js')
  },
  evaluate: {
    description: 'Measure explanations: compare methods over images, or score maps made by any tool (--attribution).',
    load: () => import('./evaluate.js')
  },
  'remove-features': {
    description: 'Remove the most and the least relevant pixels and measure how far the confidence falls.',
    load: () => import('./remove-features.js')
  },
  concepts: {
    description: 'What the channels of a layer represent: their relevance, reference images and conditional maps.',
    load: () => import('./concepts.js')
  },
  audit: {
    description:
      'Is the model right for the right reasons? What it looks at, class by class, and tests of what looks wrong.',
    load: () => import('./audit.js')
  },
  report: {
    description: 'Gather experiments into one self-contained page.',
    load: () => import('./report.js')
  },
  serve: {
    description: 'Serve a page on this machine to change rule, parameters and class, and see the map at once.',
    load: () => import('./serve.js')
  },
  rules: {
    description: 'List the rules with their formulas and parameters.',
    load: () => import('./rules.js')
  },
  composites: {
    description: 'List the composites: a rule for each kind of layer.',
    load: () => import('./composites.js')
  },
  inspect: {
    description: 'Show a network: nodes, shapes, parameters, multiply-adds and the rule each node gets.',
    load: () => import('./inspect.js')
  },
  convert: {
    description: 'Turn any model file (.pt2, .onnx, weights with --architecture) into a folder of our format.',
    load: () => import('./convert.js')
  },
  export: {
    description: 'Write a model for other tools: safetensors for PyTorch, ONNX for onnxruntime and others.',
    load: () => import('./export.js')
  },
  models: {
    description: 'List the networks that can be trained or given weights.',
    load: () => import('./models.js')
  },
  data: {
    description: 'List the data sets; data inspect describes one.',
    load: () => import('./data.js')
  },
  doctor: {
    description: 'Check the installation and print a fix for each problem.',
    load: () => import('./doctor.js')
  }
}
