import type { Register } from '../command.js'

export interface Listed {
  description: string
  /** It works without the addon. */
  bare?: boolean
  load: () => Promise<{ register: Register }>
}

/** Every command, in the order that --help shows; the module of the one that is called is loaded. */
export const COMMANDS: Readonly<Record<string, Listed>> = {
  train: {
    description: 'Train a network and write its experiment folder.',
    load: () => import('./train.js')
  },
  finetune: {
    description: 'Fine-tune the last layer or all layers of a model, for the same or for new classes or values.',
    load: () => import('./finetune.js')
  },
  tune: {
    description:
      'Search for the training settings with the best validation accuracy or loss, and save the best model as an experiment.',
    load: () => import('./tune.js')
  },
  test: {
    description:
      'Score a model on a data set: accuracy and confusion matrix of a classifier, or errors of a regression.',
    load: () => import('./test.js')
  },
  explain: {
    description: 'Explain predictions: write the relevance of every pixel as heatmaps and arrays.',
    load: () => import('./explain.js')
  },
  'fit-patterns': {
    description: 'Fit the signal patterns that the rules patternnet and patternattribution need.',
    load: () => import('./fit-patterns.js')
  },
  evaluate: {
    description:
      'Measure the quality of explanations: compare methods on many images, or score maps from another tool (--attribution).',
    load: () => import('./evaluate.js')
  },
  'remove-features': {
    description: 'Remove the most and the least relevant pixels and measure how much the confidence falls.',
    load: () => import('./remove-features.js')
  },
  concepts: {
    description:
      'Show the concepts that the channels of a layer represent: their relevance, reference images and maps.',
    load: () => import('./concepts.js')
  },
  audit: {
    description:
      'Check whether the model is right for the right reasons: cluster the maps of each class, and test the clusters by intervention.',
    load: () => import('./audit.js')
  },
  report: {
    description:
      'Collect the results of all experiments, or of the experiments that you name, on one self-contained page.',
    load: () => import('./report.js')
  },
  serve: {
    description: 'Serve a local web page that updates the map as you change the rule, its parameters and the class.',
    load: () => import('./serve.js')
  },
  rules: {
    description: 'List the rules with their formulas and parameters.',
    bare: true,
    load: () => import('./rules.js')
  },
  composites: {
    description: 'List the composites, which assign a rule to each kind of layer.',
    bare: true,
    load: () => import('./composites.js')
  },
  inspect: {
    description: 'Show the nodes of a network with their shapes, parameters, multiply-adds and rules.',
    load: () => import('./inspect.js')
  },
  convert: {
    description: 'Convert a model file (.pt2, .onnx, or weights with --architecture) to a model folder.',
    load: () => import('./convert.js')
  },
  export: {
    description: 'Export a model for other tools: safetensors for PyTorch, ONNX for onnxruntime and others.',
    load: () => import('./export.js')
  },
  models: {
    description: 'List the networks that you can train or load, including published networks.',
    load: () => import('./models.js')
  },
  data: {
    description: "List the data sets; 'data inspect' describes one of them.",
    load: () => import('./data.js')
  },
  doctor: {
    description: 'Check the installation and print a fix for each problem.',
    bare: true,
    load: () => import('./doctor.js')
  }
}

/** Whether a command line runs a command that needs the addon. */
export function needsAddon([name = '', ...rest]: string[]): boolean {
  const isListed = Object.hasOwn(COMMANDS, name) && !COMMANDS[name]!.bare
  return isListed && !rest.includes('--help') && !rest.includes('-h')
}
